"use strict";
for (const table of document.querySelectorAll("table.figures")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      const of = (row) => {
        const cell = row.cells[column];
        if (column === 0) return cell.textContent;
        const value = cell.dataset.value;
        // What has no meaning comes last, whichever way.
        if (value === "") return up ? Infinity : -Infinity;
        return value === "inf" ? Number.MAX_VALUE : Number(value);
      };
      const rows = [...body.rows];
      rows.sort((one, other) => {
        const [a, b] = [of(one), of(other)];
        const order = a < b ? -1 : a > b ? 1 : 0;
        return up ? order : -order;
      });
      body.append(...rows);
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
    });
  });
}
