"""Secrets and personal data are flagged by kind and place, never by value; look-alikes of documentation are not."""

from __future__ import annotations

import time

import pytest

from conftest import make_chunk, make_sample
from ragset.judges.privacy import Privacy
from ragset.kit.privacy import _patterns, find
from ragset.schema.samples import Context, Draw, QAPair, Sample
from ragset.schema.step import Tools


def _made(prefix: str, length: int, alphabet: str = "aB3dE5gH7jK9mN2pQ4rS6tU8vW0xY1z") -> str:
    """Make a token of the right shape; written out, a scanner of repositories would take it for a real one."""
    return prefix + "".join(alphabet[pow(5, at + 9, 61) * (at + 3) % len(alphabet)] for at in range(length))


SECRET = [
    ("AWS access key", _made("AK" + "IA", 16, "Q7ZT3KWM5XRB2NVD")),
    ("GitHub token", _made("gh" + "p_", 36)),
    ("GitLab token", _made("glp" + "at-", 20)),
    ("Slack token", _made("xo" + "xb-", 40)),
    ("Stripe key", _made("sk_" + "live_", 24)),
    ("Google key", _made("AI" + "za", 35)),
    ("Anthropic key", _made("sk-" + "ant-api03-", 60)),
    ("OpenAI-style key", _made("sk-" + "proj-", 48)),
    ("Hugging Face token", _made("h" + "f_", 34)),
    ("registry token", _made("np" + "m_", 36)),
    ("JSON web token", f"{_made('ey' + 'J', 20)}.{_made('ey' + 'J', 40)}.{_made('', 40)}"),
    ("password in a URL", f"postgres://ada:{_made('', 12)}@db.nordhaven.net/x"),
    ("private key", "-----BEGIN RSA " + f"PRIVATE KEY-----\n{_made('MII', 200)}\n-----END"),
    ("assigned secret", f'api_key = "{_made("", 20)}"'),
    ("assigned secret", "the password is kT7vq2mXz9"),
    ("random token", _made("", 48)),
]
PERSONAL = [
    ("e-mail address", "ada.lorne@nordhaven-harbour.no"),
    ("phone number", "+47 22 86 39 41"),
    ("phone number", "(212) 736-4190"),
    ("phone number", "212-736-4190"),
    ("phone number", "Tel.: 030 / 901820 77"),
    ("IBAN", "DE68 2105 0170 0012 3456 78"),
    ("card number", "4539 1488 0343 6467"),
    ("US social security number", "536-22-8726"),
    ("IP address", "93.184.215.14"),
    ("IP address", "2a02:26f0:0:39c::b63"),
]
NEITHER = [
    "ada@example.com, user@test.example, you@your-domain.example",
    "git@github.com:ada/repo.git and logo@2x.png",
    "192.168.0.1, 10.0.0.7, 127.0.0.1, 192.0.2.33, 203.0.113.9 and 2001:db8::1",
    "version 2.14.1.1 of Chrome 91.0.4472.124",
    "9b4ed8f57223013a4e8b2c6d1f0a9e8d7c6b5a49, 123e4567-e89b-12d3-a456-426614174000",
    "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "OPENAI_API_KEY=sk-your-key-here, api_key: <your key>, token=$GITHUB_TOKEN",
    "postgres://user:password@localhost/db and https://ada:${PASSWORD}@host/x",
    "AKIAIOSFODNN7EXAMPLE is the example of the manual",
    "the password must have at least 12characters",
    'password = os.environ["DB_PASSWORD_2"]',
    "4111 1111 1111 1111 and 4539 1488 0343 6468",
    "call 555-0123 or (212) 555-0147 or 1-800-356-9377",
    "2004-11-23, 1990-1995, 301.295.95, 12,345,678,901",
    "std::vector::size and 12:30:45",
    "src/ragset/kit/question_form_context.py and test_the_pruned_search_gives_what_a_plain_scan_gives",
    "https://en.wikipedia.org/wiki/Special:Search?search=AbCdEfGhIjKlMnOpQrStUvWxYz",
    "ISBN 978-3-16-148410-0, EC 1.2.3.4, section 10.2.3.1",
]


@pytest.mark.parametrize(("kind", "text"), SECRET)
def test_secrets_are_found(kind: str, text: str) -> None:
    assert [(f.of, f.kind) for f in find(f"It says: {text} in the file.")] == [("secret", kind)]


@pytest.mark.parametrize(("kind", "text"), PERSONAL)
def test_personal_data_is_found(kind: str, text: str) -> None:
    assert [(f.of, f.kind) for f in find(f"It says: {text} in the file.")] == [("personal_data", kind)]


@pytest.mark.parametrize("text", NEITHER)
def test_what_looks_like_it_is_left_alone(text: str) -> None:
    assert find(text) == ()


@pytest.mark.parametrize("piece", ["a-", "+1 ", "1.", "aB3", "x@", "password ", "1:", "4539 ", "-----BEGIN ", "a:"])
def test_hostile_text_takes_no_time(piece: str) -> None:
    began = time.process_time()
    find(piece * (40_000 // len(piece)))
    assert time.process_time() - began < 2


BEGIN = "-----BEGIN RSA " + "PRIVATE KEY-----\n"
HEADS = ["", BEGIN, "ey" + "Jaaaaaaaaaaaa.ey" + "J", "api_key=", "http://u:", "tel: 0"]
PIECES = [
    *("a", " ", "\n", "_", ".", "a: ", "a: b\n", "a: \n", "a:\n", "a-", "1 ", "1.", "1 / ", "+1 ", "a@", "a@a."),
    *(
        "-eyJ",
        "eyJaaaaaaaaaa.",
        "sk-a-",
        "a://a:",
        "tel 0",
        "(0",
        "4539 ",
        "A1",
        "DE68 ",
        "ab:",
        "::",
        "api_key",
        "is ",
    ),
    *("token-", "tokentoken", BEGIN, f"a: {BEGIN}", "-----BEGIN A ", "aB3"),
]


@pytest.mark.parametrize("at", range(len(_patterns())), ids=lambda at: f"{at} {_patterns()[at][1]}")
def test_no_pattern_takes_long_on_a_hostile_text(at: int) -> None:
    pattern = _patterns()[at][2]
    for head in HEADS:
        for piece in PIECES:
            for length in (60, 90, 130, 10_000):  # what grows exponentially is seen before it never ends
                text = head + piece * (length // len(piece)) + "!"
                began = time.process_time()
                sum(1 for _ in pattern.finditer(text))
                assert time.process_time() - began < 0.1, (head, piece, length)


@pytest.mark.parametrize(
    "headers", ["", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,01AB\n\n", "Version: Gnu v1 (x)\n"]
)
@pytest.mark.parametrize("flat", [False, True])
def test_a_key_is_found_behind_its_headers_and_when_its_lines_are_one(headers: str, flat: bool) -> None:
    value = _made("MII", 200)
    text = f"{BEGIN}{headers}{value}\n-----END"
    text = " ".join(text.split()) if flat else text
    (found,) = find(text)
    assert (found.kind, text[found.start : found.end].strip()) == ("private key", value)


KEY, MAIL = _made("gh" + "p_", 36), "ada.lorne@nordhaven-harbour.no"


def _sample(context: str, answer: str) -> Sample:
    sample = make_sample(chunk=make_chunk(text=context))
    return sample.model_copy(update={"payload": QAPair(question="Whom may one ask?", answer=answer)})


@pytest.mark.parametrize(
    ("reject", "secret", "personal"),
    [("none", "open", "open"), ("secrets", "rejected", "open"), ("all", "rejected", "rejected")],
)
async def test_the_flow_says_what_is_rejected(reject: str, secret: str, personal: str) -> None:
    samples = (_sample(f"Use {KEY} to write.", "a key"), _sample(f"Ask {MAIL}.", MAIL), _sample("Ask Ada.", "Ada"))
    step = Privacy.model_validate({"reject": reject})
    leaks, told, clean = (await step.apply(Draw(number=0, samples=samples), Tools())).samples
    assert (leaks.status, told.status, clean.status) == (secret, personal, "open")
    assert (leaks.labels, told.labels, clean.labels) == (("secret",), ("personal_data",), ())
    assert leaks.verdicts[-1].reason == leaks.measures["secret"] == "GitHub token in context 1"
    assert told.measures["personal_data"] == "e-mail address in the answer, context 1"
    assert clean.verdicts[-1].reason == ""


async def test_the_value_is_never_told() -> None:
    sample = _sample(f"Use {KEY}, or ask {MAIL}.", MAIL).model_copy(update={"contexts": ()})
    both = sample.model_copy(update={"contexts": (Context.of(make_chunk(text=f"{KEY} {MAIL}")),)})
    judged = (await Privacy(reject="all").apply(Draw(number=0, samples=(both,)), Tools())).samples[0]
    written = f"{judged.verdicts} {judged.measures} {judged.labels}"
    assert KEY not in written
    assert MAIL not in written
