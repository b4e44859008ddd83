// What a browser sees of a report, as JSON: put at its end by the test.
const number = (text) => (text === "" ? null : Number(text));
const cells = {};
for (const row of document.querySelectorAll("section.scenario table.figures tbody tr")) {
  const of = (cells[row.dataset.policy] = {});
  for (const cell of row.querySelectorAll("td")) of[cell.dataset.key] = cell.dataset.value;
}
const panels = [...document.querySelectorAll("svg.timeline")].map((svg) => ({
  ...svg.dataset,
  policies: Object.fromEntries(
    [...svg.querySelectorAll("g.policy")].map((band) => [
      band.dataset.policy,
      {
        rects: [...band.querySelectorAll("rect:not(.wrong)")].map((rect) => ({
          colour: rect.getAttribute("class"),
          x: rect.getBBox().x,
          width: rect.getBBox().width,
        })),
        switches: band.querySelectorAll("path.switch").length,
      },
    ]),
  ),
}));
const curves = {};
for (const row of document.querySelectorAll("table.points tbody tr")) {
  const points = row.querySelectorAll("td[data-delay]");
  curves[row.dataset.policy] = [...points].map(({ dataset: { delay, idle } }) => [
    delay === "inf" ? null : number(delay),
    number(idle),
  ]);
}
const table = document.querySelector("section.scenario table.figures");
const order = () => [...table.tBodies[0].rows].map((row) => row.dataset.policy);
const head = [...table.tHead.rows[0].cells].find((of) => of.textContent.startsWith("probes"));
head.querySelector("button").click();
const up = order();
head.querySelector("button").click();
const down = order();
const parsed = new DOMParser().parseFromString(source, "application/xml");
const links = [...document.querySelectorAll("[src], [href]")];
const found = {
  mistake: parsed.querySelector("parsererror")?.textContent ?? null,
  loaded: performance.getEntriesByType("resource").map((entry) => entry.name),
  elsewhere: links
    .map((link) => link.getAttribute("src") ?? link.getAttribute("href"))
    .filter((place) => !place.startsWith("#")),
  cells,
  panels,
  curves,
  up,
  down,
};
const out = document.createElement("pre");
out.id = "found";
out.textContent = JSON.stringify(found);
document.body.append(out);
