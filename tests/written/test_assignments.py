from sleepy_coder.written.assignments import make_assignments


def test_more_assignments_only_add_to_fewer():
    few, many = make_assignments(3, seed=5), make_assignments(40, seed=5)
    assert many[:3] == few
    assert len({each.id for each in many}) == 40
    assert len({each.messages[-1]["content"] for each in many}) == 40


def test_another_seed_asks_for_other_programs():
    first, second = make_assignments(5, seed=1), make_assignments(5, seed=2)
    assert not {each.id for each in first} & {each.id for each in second}
    assert [each.messages for each in first] != [each.messages for each in second]
