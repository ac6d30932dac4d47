"""The command line as a user meets it: what is printed where, and the exit code of every kind of mistake."""

from __future__ import annotations

import html
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from ragset.cli import COMMANDS, cli
from ragset.cli.progress import Bar, Lines
from ragset.cli.terminal import one_line, out_json, safe
from ragset.errors import ModelError
from ragset.flow.compile import load_flow, parse_flow
from ragset.flow.registry import STEPS
from ragset.flow.report import BUILTIN_GAVE_NONE
from ragset.judges.evidence import EvidenceHolds
from ragset.schema.samples import Sample
from ragset.schema.step import Tools

ALMANAC = Path(__file__).parents[1] / "corpora" / "almanac"
HEAVY = ("torch", "chromadb", "llama_index", "ragas", "unstructured", "pandas", "numpy", "pydantic", "rich", "pyarrow")


def run(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args])


def refused(result: Result, code: int = 2) -> str:
    """Check that it failed in one line, and give the line."""
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    talk = [line for line in result.stderr.splitlines() if not line.startswith("model: ")]
    assert len(talk) == 1, result.stderr
    return talk[0].removeprefix("error: ")


class Place:
    """A folder with a corpus, an index folder, and a built set."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.corpus, self.out = folder, folder / "docs", folder / "out"
        self.indexes = ("--indexes", str(folder / "indexes"))
        self.corpus.mkdir()
        for file in sorted(ALMANAC.glob("*.md")):
            shutil.copy(file, self.corpus)
        (self.corpus / "broken.pdf").write_bytes(b"no pdf at all")
        self.built = self.build(self.out, 4)
        assert self.built.exit_code == 0, self.built.output
        self.kept = self.out / "kept.jsonl"

    def build(self, out: Path, n: int, *more: object) -> Result:
        return run("build", self.corpus, "--out", out, "-n", n, "--embedder", "hash", *self.indexes, *more)

    def rows(self, name: str = "kept.jsonl") -> list[Any]:
        return [json.loads(line) for line in (self.out / name).read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("cli"))


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAGSET_INDEXES", "RAGSET_CHROMA", "RAGSET_DEBUG"):
        monkeypatch.delenv(name, raising=False)


def test_the_command_line_imports_nothing_heavy() -> None:
    code = f"import sys, ragset, ragset.cli; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("args", [(), ("index",), ("flow",), *((name,) for name in COMMANDS)])
def test_every_command_explains_itself(args: tuple[str, ...]) -> None:
    result = run(*args, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")


def test_version() -> None:
    result = run("--version")
    assert result.exit_code == 0
    assert result.stdout.split()[0] == "ragset"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("biuld",), "did you mean 'build'?"),
        (("zzz",), "known: build, calibrate, estimate, export, flow, generate, index, ingest, …"),
        (("index", "delte"), "Did you mean 'delete'?"),
        (("build", "x", "--out", "y", "--modle", "m"), "Did you mean '--model'?"),
        (("build", "x"), "Missing option '--out'"),
        (("build", "--out", "y"), "Missing argument 'SOURCE...'"),
        (("build", "x", "--out", "y", "-n", "0"), "x>=1"),
        (("build", "x", "--out", "y", "-n", "many"), "'many' is not a whole number"),
        (("ingest", "x"), "Missing option '--index'"),
    ],
)
def test_usage_errors(args: tuple[str, ...], said: str) -> None:
    result = run(*args)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in result.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("build", ".", "--out", "o", "--model", "gpt-x"), "gpt-x: names no provider"),
        (("build", "nowhere", "--out", "o", "--embedder", "hash"), "nowhere"),
        (("ingest", "nowhere", "--index", "tiny", "--embedder", "hash"), "nowhere"),
        (("ingest", ".", "--index", "../up", "--embedder", "hash"), "../up"),
        (("generate", "--index", "none-such", "--out", "o"), "none-such"),
        (("validate", "none.jsonl", "--index", "none-such", "--out", "o"), "none.jsonl: no such file"),
        (("show", "none.jsonl"), "none.jsonl: no such file"),
        (("show", "."), "holds no kept.jsonl"),
        (("show", "text.txt"), "text.txt, line 1: is no sample"),
        (("show", "latin.jsonl"), "latin.jsonl, line 2: is no sample"),
        (("export", "empty.jsonl", "--to", "cvs", "--out", "o"), "unknown export 'cvs'; did you mean 'csv'?"),
        (("export", "empty.jsonl", "--to", "csv", "--out", "empty.jsonl"), "would overwrite what it is read from"),
        (("export", "empty.jsonl", "--to", "csv", "--out", "."), "is a folder"),
        (("verify", "empty.jsonl", "--index", "none-such"), "none-such"),
        (("index", "show", "none-such"), "none-such"),
        (("index", "search", "none-such", "why?"), "none-such"),
        (("index", "rebuild", "none-such"), "none-such"),
        (("index", "delete", "none-such"), "none-such"),
        (("index", "delete", "../../etc"), "../../etc"),
        (("flow", "show", "rag_qu"), "did you mean 'rag_qa'?"),
        (("flow", "check", "text.txt"), "text.txt"),
        (("flow", "run", "rag_qa"), "name a folder with --out"),
        (("steps", "kep"), "did you mean 'keep'?"),
    ],
)
def test_each_mistake_is_one_line_and_exit_code_2(
    args: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("hello\n")
    Path("empty.jsonl").write_text("")
    Path("latin.jsonl").write_bytes(b"\n\xe9\n")
    before = sorted(Path().rglob("*"))
    line = refused(run(*args))
    assert said in line
    assert sorted(Path().rglob("*")) == before, "a refused command leaves nothing behind"


class Broken(click.Command):
    """A command that raises what it is told to."""

    error: BaseException = RuntimeError()

    def invoke(self, ctx: click.Context) -> Any:
        raise self.error


broken = Broken("broken")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ValueError("first\nsecond \x1b[31mred"), 1, "error: ValueError: first second red (unexpected"),
        (ModelError("not reached", hint="try again"), 1, "error: not reached; try again"),
        (KeyboardInterrupt(), 130, "stopped; what is finished is kept, run the same command to go on"),
    ],
)
def test_what_breaks_is_said_in_one_line(
    error: BaseException, code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COMMANDS, "broken", f"{__name__}:broken")
    monkeypatch.setattr(broken, "error", error)
    result = run("broken")
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.startswith(said)
    assert result.stderr.count("\n") == 1
    monkeypatch.setenv("RAGSET_DEBUG", "1")
    assert run("broken").exception is error or isinstance(error, KeyboardInterrupt)


def test_stopping_a_forced_run_does_not_advise_to_force_again(monkeypatch: pytest.MonkeyPatch) -> None:
    forced = Broken("broken", params=[click.Option(["--force"], is_flag=True)])
    forced.error = KeyboardInterrupt()
    monkeypatch.setattr(sys.modules[__name__], "broken", forced)
    monkeypatch.setitem(COMMANDS, "broken", f"{__name__}:broken")
    assert "run the same command to go on" in run("broken").stderr
    result = run("broken", "--force")
    assert result.exit_code == 130
    assert "what is finished is kept, run it again without --force to go on (with it, if" in result.stderr


def test_a_reader_that_leaves_early_is_no_error() -> None:
    shell = f"set -o pipefail; {sys.executable} -c 'from ragset.cli import main; main()' steps | true"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_build_prints_a_summary(place: Place) -> None:
    said = place.built.stdout
    assert said.startswith("kept 4 of 4 asked for, from ")
    for part in ("question types", "difficulty", "gates", "broken.pdf: ", f"next: ragset show {place.kept}"):
        assert part in said
    assert "no language model, no key, no network" in place.built.stderr
    assert {path.name for path in place.out.iterdir()} >= {"kept.jsonl", "rejected.jsonl", "report.json", "flow.yaml"}
    assert len(place.rows()) == 4


def test_the_same_build_goes_on_and_gives_the_same_bytes(place: Place) -> None:
    before = place.kept.read_bytes()
    again = place.build(place.out, 4, "--quiet", "--json")
    assert again.exit_code == 0, again.output
    assert again.stderr == ""
    assert json.loads(again.stdout) == json.loads((place.out / "report.json").read_text("utf-8"))
    assert place.kept.read_bytes() == before


def test_another_flow_is_refused_in_the_same_folder(place: Place, tmp_path: Path) -> None:
    before = place.kept.read_bytes()
    assert "another flow" in refused(place.build(place.out, 4, "--seed", 7, "--quiet"))
    assert place.kept.read_bytes() == before
    (tmp_path / "letter.txt").write_text("mine")
    assert "holds no run" in refused(place.build(tmp_path, 4, "--quiet"))
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_fewer_than_asked_is_exit_code_3_with_the_reasons(place: Place, tmp_path: Path) -> None:
    result = place.build(tmp_path / "many", 2000)
    assert result.exit_code == 3
    report = json.loads((tmp_path / "many" / "report.json").read_text("utf-8"))
    assert f"{report['shortfall']:,} fewer than asked for" in result.stdout
    assert report["kept"] + report["shortfall"] == 2000
    assert all(reason.split(";")[0] in result.stdout for reason in list(report["reasons"])[:3])


def test_show_marks_the_evidence(place: Place) -> None:
    result = run("show", place.kept, "-k", 2)
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    rows = place.rows()
    shown = " ".join(result.stdout.split())
    for row in rows[:2]:
        assert row["id"] in shown
        assert " ".join(row["question"].split()) in shown
    assert rows[2]["id"] not in shown
    assert result.stdout.count("[[") >= 2
    assert result.stdout.count("[[") == result.stdout.count("]]")
    assert f"2 of 4 pairs of {place.kept}; all of them: -k 4" in result.stdout
    assert run("show", place.out).stdout == run("show", place.kept).stdout


def test_show_hides_what_a_terminal_would_obey(place: Place, tmp_path: Path) -> None:
    row = place.rows()[0]
    row["question"] = "What\x1b]0;owned\x07 is \u202ethis\x9b31m\r?"
    row["contexts"][0]["text"] = "\x1b[2J" + row["contexts"][0]["text"]
    row["contexts"][0]["headings"] = ["\x1b]0;owned\x07Heading"]
    row["history"] = [{"role": "user", "content": "\x1b]0;owned\x07Before"}]
    row["measures"] = {"difficulty": "\x1b]0;owned\x07hard"}
    row["verdicts"] = [{"judge": "sly\x1b]0;owned\x07 judge", "version": "1", "passed": False, "reason": "\x1b]0;x"}]
    row["id"] = "\x1b]0;owned\x07name"
    path = tmp_path / "evil.jsonl"
    path.write_text(json.dumps(row) + "\n")
    result = run("show", path)
    assert result.exit_code == 0
    for part in ("What is this", "Heading", "user: Before", "hard", "rejected by sly judge:", "name"):
        assert part in result.stdout
    assert "owned" not in result.stdout
    assert not any(char in result.stdout for char in "\x1b\x07\x9b\r\u202e")


@pytest.mark.parametrize("to", ["openai-chat", "prompt-completion", "csv", "parquet"])
def test_export(place: Place, to: str, tmp_path: Path) -> None:
    result = run("export", place.kept, "--to", to, "--out", tmp_path / "set")
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(tmp_path / "set")
    assert "wrote 4 rows" in result.stderr
    assert (tmp_path / "set").stat().st_size > 0


def test_verify(place: Place, tmp_path: Path) -> None:
    rows = place.rows()
    spans = sum(len(row["evidence"]) for row in rows)
    good = run("verify", place.kept, "--index", "docs", *place.indexes)
    assert good.exit_code == 0, good.output
    assert good.stdout.strip() == f"{spans} evidence spans: {spans} same"
    rows[0]["evidence"][0]["quote"] = "never written"
    path = tmp_path / "changed.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    bad = run("verify", path, "--index", "docs", "--json", *place.indexes)
    assert bad.exit_code == 1
    found = json.loads(bad.stdout)
    assert found["counts"] == {"gone": 1, "same": spans - 1}
    assert [problem["id"] for problem in found["problems"]] == [rows[0]["id"]]


def test_generate_then_validate(place: Place, tmp_path: Path) -> None:
    made = run("generate", "--index", "docs", "--out", tmp_path / "made", "-n", 3, *place.indexes)
    assert made.exit_code == 0, made.output
    samples = tmp_path / "made" / "samples.jsonl"
    assert len(samples.read_text("utf-8").splitlines()) == 3
    judged = run("validate", samples, "--index", "docs", "--out", tmp_path / "judged", "--json", *place.indexes)
    assert judged.exit_code == 0, judged.output
    report = json.loads(judged.stdout)
    assert report["samples"]["total"] == 3
    assert report["kept"] + report["samples"]["rejected"] + report["samples"]["failed"] == 3


@pytest.mark.parametrize(
    ("field", "value"),
    [("question", "What is \ud800?"), ("provenance", {"by": "\udc80"}), ("provenance", {"by": math.nan})],
)
def test_a_bad_line_is_refused_before_anything_is_judged(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str, value: object
) -> None:
    async def judge(self: EvidenceHolds, sample: Sample, tools: Tools) -> Sample:
        raise AssertionError("a sample was judged")

    monkeypatch.setattr(EvidenceHolds, "judge", judge)
    rows = [dict(place.rows()[0], id=str(at)) for at in range(90)]
    path = tmp_path / "set.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, rows[0] | {field: value}]))
    line = refused(run("validate", path, "--index", "docs", "--out", tmp_path / "judged", "-q", *place.indexes))
    assert f"{path}, line 91: is no sample" in line
    assert not (tmp_path / "judged" / "kept.jsonl").exists()


def test_when_every_pair_failed_it_is_exit_code_1_and_says_why(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def judge(self: EvidenceHolds, sample: Sample, tools: Tools) -> Sample:
        raise ValueError("the disk is on fire")

    monkeypatch.setattr(EvidenceHolds, "judge", judge)
    args = ("validate", place.kept, "--index", "docs", "--out", tmp_path / "judged", "-q", *place.indexes)
    plain, again = run(*args), run(*args, "--json")
    for result in (plain, again):
        assert result.exit_code == 1
        assert result.stderr.startswith("error: every pair failed (evidence: the disk is on fire); mend the cause")
    assert "kept 0 of 4" in plain.stdout
    assert json.loads(again.stdout)["samples"]["failed"] == 4
    monkeypatch.undo()
    assert run(*args, "--retry-failed").exit_code == 0


def test_the_model_is_left_to_the_flow_unless_it_is_named(place: Place, tmp_path: Path) -> None:
    flow = tmp_path / "mine.yaml"
    flow.write_text(run("flow", "show", "rag_qa").stdout.replace("writer: builtin", "writer: gpt-x"))
    args = ("generate", "--index", "docs", "--out", tmp_path / "made", "-n", 1, "--flow", flow, *place.indexes)
    assert "gpt-x: names no provider" in refused(run(*args))
    assert not (tmp_path / "made").exists()
    named = run(*args, "--model", "builtin")
    assert named.exit_code == 0, named.output
    assert named.stderr.startswith("models: builtin (")


def test_chunks_may_be_as_short_as_the_step_allows(place: Place, tmp_path: Path) -> None:
    args = ("ingest", place.corpus / "broken.pdf", "--index", "short", "--embedder", "hash", "--indexes", tmp_path)
    assert run(*args, "--chunk-tokens", 8).exit_code == 0
    assert "7 is not in the range x>=8" in run(*args, "--chunk-tokens", 7).stderr
    assert "JSON that says" in run("ingest", "--help").stdout


def test_ingest_prints_one_object(place: Place) -> None:
    result = run("ingest", place.corpus, "--index", "docs", "--json", *place.indexes)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    files = len(list(place.corpus.iterdir()))
    assert found["index"] == "docs"
    assert found["documents"]["unchanged"] == files - 1
    assert [item["path"] for item in found["documents"]["failed"]] == ["broken.pdf"]
    assert set(found["documents"]) == {"added", "unchanged", "changed", "removed", "failed"}
    assert found["chunks"]["embedded"] == 0
    plain = run("ingest", place.corpus, "--index", "docs", *place.indexes)
    assert f"{files - 1} unchanged" in plain.stdout
    assert "  broken.pdf: " in plain.stdout


def test_index_commands(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    indexes = tmp_path / "indexes"
    shutil.copytree(place.indexes[1], indexes)
    monkeypatch.setenv("RAGSET_INDEXES", str(indexes))
    assert "docs" in run("index", "list").stdout
    listed = json.loads(run("index", "list", "--json").stdout)
    assert [item["name"] for item in listed] == ["docs"]
    shown = json.loads(run("index", "show", "docs", "--json").stdout)
    assert shown["chunks"] > 0
    assert "hash" in run("index", "show", "docs").stdout
    hits = json.loads(run("index", "search", "docs", "street trees", "-k", 3, "--json").stdout)
    assert len(hits) == 3
    assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)
    assert run("index", "search", "docs", "street trees", "-k", 3).stdout.count("docs/") == 3
    assert run("index", "rebuild", "docs").exit_code == 0
    assert json.loads(run("index", "search", "docs", "street trees", "-k", 3, "--json").stdout) == hits
    shutil.copytree(indexes / "docs", indexes / "damaged")
    (indexes / "damaged" / "index.json").write_text("no JSON")
    listed = run("index", "list")
    assert listed.exit_code == 0, listed.output
    assert "\ncannot be read: " in listed.stdout
    shutil.rmtree(indexes / "damaged")
    assert run("index", "delete", "docs").exit_code == 0
    assert json.loads(run("index", "list", "--json").stdout) == []


def test_flow_commands(place: Place, tmp_path: Path) -> None:
    names = json.loads(run("flow", "list", "--json").stdout)
    assert {"ingest", "rag_qa"} <= set(names)
    assert "rag_qa" in run("flow", "list").stdout
    mine = tmp_path / "mine.yaml"
    mine.write_text(run("flow", "show", "rag_qa").stdout.replace("n: 50", "n: 2"), "utf-8")
    checked = run("flow", "check", mine)
    assert checked.exit_code == 0, checked.output
    assert "scenarios → rag_qa → question_form" in checked.stdout
    mine.write_text("index: docs\n" + mine.read_text("utf-8"), "utf-8")
    done = run("flow", "run", mine, "--out", tmp_path / "out", *place.indexes)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("kept 2 of 2 asked for")


def test_a_run_folder_that_stays_empty_is_mentioned(place: Place, tmp_path: Path) -> None:
    flow = tmp_path / "in.yaml"
    flow.write_text(
        f"index: other\nembedder: hash\nsteps:\n- files: {{sources: [{place.corpus}]}}\n"
        "- read\n- split\n- embed\n- index\n"
    )
    said = f"nothing is written to {tmp_path / 'out'}: this flow fills an index and makes no samples"
    done = run("flow", "run", flow, "--out", tmp_path / "out", *place.indexes)
    assert done.exit_code == 0, done.output
    assert said in done.stderr
    assert not (tmp_path / "out").exists()
    assert "nothing is written" not in run("flow", "run", flow, *place.indexes).stderr


def test_steps() -> None:
    listed = run("steps").stdout
    assert all(name in listed for name in ("scenarios", "round_trip", "near_duplicates", "keep"))
    one = json.loads(run("steps", "keep", "--json").stdout)
    assert one[0]["name"] == "keep"
    assert "n" in one[0]["fields"]
    assert "max_per_chunk" in run("steps", "keep").stdout


@pytest.mark.parametrize(
    ("step", "line"),
    [
        ("scenarios", "personas: dict[str, float > 0] = {}; Who asks"),
        ("scenarios", "personas_file: str | None = None; File"),
        ("scenarios", "documents: tuple[str, ...] = (); Document"),
        ("split", "strategies: dict[str, Strategy] = {}"),
        ("privacy", "reject: 'none' | 'secrets' | 'all' = 'secrets'"),
        ("rubric", "sees: 'question' | 'pair' | 'passages' | None = None"),
        ("rubric", "scale: tuple[float, float] | None = None"),
    ],
)
def test_types_are_written_as_a_person_writes_them(step: str, line: str) -> None:
    assert f"  {line}" in run("steps", step).stdout


@pytest.mark.parametrize("name", STEPS)
def test_no_type_shows_its_machinery(name: str) -> None:
    shown = run("steps", name).stdout
    assert not [word for word in ("FieldInfo", "Annotated", "Optional", "ragset.", "typing", "<") if word in shown]


@pytest.mark.parametrize("name", ["ingest", "rag_qa", "rag_qa_strict"])
def test_a_shown_flow_spells_out_every_field_and_is_the_same_flow(name: str) -> None:
    shown = run("flow", "show", name).stdout
    flow = parse_flow(shown, name)
    for found, step in zip(yaml.safe_load(shown)["steps"], flow.steps, strict=True):
        assert found[step.name].keys() == type(step).model_fields.keys()
    assert flow.identity == load_flow(name).identity


def test_where_rules_write_a_shortfall_says_that_they_found_nothing(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "notes.txt").write_text("met ana, 3 pm. she will send the list. ok with dan? call him.\n", "utf-8")
    common = ("--indexes", tmp_path / "indexes", "--embedder", "hash", "-n", 3)
    done = run("build", notes, "--out", tmp_path / "out", *common)
    assert done.exit_code == 3
    assert f"1  {BUILTIN_GAVE_NONE}" in done.stdout
    assert "--model" in BUILTIN_GAVE_NONE
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert report["reasons"] == {BUILTIN_GAVE_NONE: 1}
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert html.escape(BUILTIN_GAVE_NONE) in page


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ș ț ă 漢字 👩‍💻", "plain ș ț ă 漢字 👩‍💻"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x.invalid\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;AAAA\x07clip", "clip"),
        ("a\x9b2Jb", "ab"),
        ("\x1b(Bx", "x"),
        ("a\rb\x08\x7f", "a b"),
        ("\u202eabc\u2066\u200f", "abc"),
        ("hidden\U000e0041\U000e0042", "hidden"),
        ("bad\udc80byte", "bad\ufffdbyte"),
        ("two\nlines\u2028three", "two lines three"),
    ],
)
def test_safe_text(text: str, shown: str) -> None:
    assert one_line(text) == shown
    assert safe("a\tb\nc") == "a\tb\nc"


def test_json_for_programs_is_safe_on_a_terminal_and_exact(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"path": "\x1b[31m\u202e\x9bș\u2028\udc80\U000e0041"}
    out_json(value)
    said = capsys.readouterr().out
    assert "ș" in said
    assert not any(char in said for char in "\x1b\u202e\x9b\u2028\U000e0041")
    assert json.loads(said) == value


def test_plain_progress_says_little(capsys: pytest.CaptureFixture[str]) -> None:
    with Lines() as shown:
        shown.stage("reading", 100)
        for done in range(1, 101):
            shown.advance(done, f"file\x1b[31m{done}")
        shown.stage("making and judging", None)
        shown.advance(7)
        shown.say("one\nline")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == ["reading: 100 of 100 (file100)", "one line", "making and judging: 7"]


def test_the_bar_stays_off_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    with Bar() as shown:
        shown.stage("reading", None)
        shown.advance(3, "[bold]x[/bold]")
        shown.stage("making", 10)
        shown.advance(10)
        shown.say("a [link] line")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "a [link] line" in captured.err
