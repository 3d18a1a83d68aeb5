"""Search: hits with their places, and evidence packed into a budget."""

from inline_snapshot import snapshot


def test_a_search_says_where_it_stands(shop):
    assert shop.says("search", "plums") == snapshot("""\
$ segue search plums
SESSION-260115-001 4  2026-01-15 09:30  constraint.set
  never [plums]
SESSION-260115-001 3  2026-01-15 09:30  user
  sell pears, never [plums]
SESSION-260115-001 6  2026-01-15 09:30  tool
  pears 7 [plums] 3
see one whole: segue show SESSION NUMBER
""")
    assert shop.says("search", "bananas") == snapshot("""\
$ segue search bananas
nothing fits: no event that is asked for has a word of it
""")


def test_evidence_that_there_is_not_is_said(shop):
    assert shop("search", "bananas", "--budget", "100").out == "nothing fits: no event that is asked for has a word of it\n"
    none = shop("search", "pears", "--budget", "5")
    assert (none.code, none.out, none.err) == (0, "", "warning: nothing of what was found has room in 5 tokens\n")
    assert shop("search", "pears", "--budget", "100").err == ""


def test_a_search_for_a_script(shop):
    found = shop("search", "weight", "--json").json
    assert [(h["seq"], h["kind"], sorted(h)) for h in found["hits"]] == snapshot(
        [(7, "decision.made", ["actor", "at", "kind", "role", "score", "seq", "session", "snippet"])]
    )


def test_evidence_is_packed_into_a_budget(shop):
    found = shop("search", "pears", "--budget", "100", "--json").json
    assert 0 < found["tokens"] * 1.05 <= 100
    assert {item["status"] for item in found["items"]} <= {"loaded", "shortened", "skipped"}
    lines = found["text"].splitlines()
    assert (lines[0][:14], lines[-1][:11]) == ("<<<SEGUE-QUOTE", "SEGUE-QUOTE")
    assert "pears" in "".join(lines[2:-1])


def test_evidence_is_put_in_order_by_word_vectors_where_the_user_has_some(shop):
    plain = shop("search", "pears", "--budget", "100", "--json").json
    shop.env["SEGUE_SEARCH_VECTORS"] = "wordllama"

    found = shop("search", "pears", "--budget", "100", "--json").json

    assert sorted((item["session"], item["seq"]) for item in found["items"]) == sorted(
        (item["session"], item["seq"]) for item in plain["items"]
    )
    assert 0 < found["tokens"] <= 100


def test_word_vectors_that_are_not_there_are_an_error_that_says_what_to_do(shop):
    shop.env["SEGUE_SEARCH_VECTORS"] = "/nowhere"

    said = shop("search", "pears", "--budget", "100")

    assert (said.code, said.err) == (
        2,
        "error: there are no word vectors in /nowhere\nhint: it needs tokenizer.json and one .safetensors file; or say wordllama\n",
    )
