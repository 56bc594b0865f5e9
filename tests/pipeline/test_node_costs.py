from pipeline.child import Outcome
from pipeline.collect_report import node_costs
from pipeline.events import NodeEvent
from pipeline.run import peak_memory

GIB = 2**30


def test_a_node_that_was_not_run_again_has_what_it_took_when_it_was(tmp_path):
    former = tmp_path / "nodes.json"
    former.write_text(
        '[{"node": "Trainer", "state": "done", "seconds": 300.0, "memory": 2147483648}, {"node": "Gone"}]'
    )
    outcome = Outcome(
        nodes=[
            NodeEvent("Transform", "cached", 0.1, memory=5),
            NodeEvent("Trainer", "cached", 0.1, memory=5),
            NodeEvent("Evaluator", "done", 20.0, memory=GIB),
        ]
    )
    assert node_costs(outcome, former) == [
        {"node": "Transform", "state": "cached", "seconds": 0.1, "memory": 5},
        {"node": "Trainer", "state": "cached", "seconds": 300.0, "memory": 2 * GIB},
        {"node": "Evaluator", "state": "done", "seconds": 20.0, "memory": GIB},
    ]


def test_a_damaged_memory_of_former_runs_is_passed_over(tmp_path):
    former = tmp_path / "nodes.json"
    former.write_text('{"no": "list"}')
    outcome = Outcome(nodes=[NodeEvent("Trainer", "cached", 0.1)])
    assert node_costs(outcome, former)[0]["seconds"] == 0.1


def test_the_peak_of_a_run_is_that_of_its_largest_node():
    nodes = [NodeEvent("A", "done", memory=900 * GIB), NodeEvent("B", "done", memory=None)]
    assert peak_memory(Outcome(nodes=nodes)) == 900 * GIB
