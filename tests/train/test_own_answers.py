from sleepy_coder.train.own_answers import apply_changes, find_changes, minimize_answers


def test_needless_changes_are_taken_back(problem, sandbox):
    answer = problem.fixed.replace("fn main", "// tidied up\nfn main") + "\n// the end\n"
    (reduced,) = minimize_answers([(problem, answer)], sandbox)
    assert reduced.split() == problem.fixed.split()


def test_an_answer_all_over_the_place_is_given_up(problem, sandbox):
    answer = problem.fixed.replace("\n", "\n\n")
    assert minimize_answers([(problem, answer)], sandbox, max_changes=1) == [None]


def test_all_changes_lead_to_the_answer():
    source, fixed = "a\nb\nc\nd\n", "x\na\nc\nD\ne\n"
    changes = find_changes(source, fixed)
    assert len(changes) == 3
    assert apply_changes(source, changes[::-1]) == fixed
    assert apply_changes(source, []) == source
