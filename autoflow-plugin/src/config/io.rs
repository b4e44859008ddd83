//! What must fit together about the threads that send and answer.

use plugin_abi::config::Policy;
use plugin_abi::manage::Problem;

use super::node::Node;

/// The usual policy knows no priorities.
pub(super) fn config(io: &Node, problems: &mut Vec<Problem>) {
    let (policy, priority) = (io.key("policy"), io.key("priority"));
    let normal = Policy::Normal.name();
    let usual = !policy.is_there() || policy.text() == Some(normal);
    if usual && priority.is_there() {
        let expected = format!("none while {} is {normal}", policy.path());
        problems.push(priority.problem(expected, "remove it, or take fifo or round-robin"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::mistakes;

    #[test]
    fn a_priority_is_one_among_threads_in_real_time() {
        let io = |policy: &str| mistakes(&json!({"io": {"policy": policy, "priority": 5}}));
        let refused = [
            "io.priority: expected none while io.policy is normal, found 5; remove it, or take fifo or round-robin",
        ];
        assert_eq!(io("normal"), refused);
        assert_eq!(mistakes(&json!({"io": {"priority": 5}})), refused);
        assert_eq!(io("fifo"), [""; 0]);
        assert_eq!(io("round-robin"), [""; 0]);
    }
}
