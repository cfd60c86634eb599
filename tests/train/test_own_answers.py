from sleepy_coder.train.own_answers import minimize_answers


def test_needless_changes_are_taken_back(problem, sandbox):
    answer = problem.fixed.replace("fn main", "// tidied up\nfn main") + "\n// the end\n"
    (reduced,) = minimize_answers([(problem, answer)], sandbox)
    assert reduced.split() == problem.fixed.split()


def test_an_answer_all_over_the_place_is_given_up(problem, sandbox):
    answer = problem.fixed.replace("\n", "\n\n")
    assert minimize_answers([(problem, answer)], sandbox, max_changes=1) == [None]
