"""The parts of the comparison that need no process: parsing, arithmetic, words, options."""

import asyncio
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from comparisons import __main__ as commands
from comparisons import cli, run
from comparisons.client import PageError, Reply, fetch_on_loop, target_of
from comparisons.experiment import Comparison, Row
from comparisons.findings import joined, sentence
from comparisons.job import Job
from comparisons.models import Outcome
from comparisons.options import settings_from
from comparisons.plan import Plan, cores, page_urls, workers_shown
from comparisons.ratios import Ratio, ratio_of_medians
from comparisons.report import as_data, as_markdown, cells, milliseconds
from comparisons.server import answer_to, page_answer

# reading a response


def fed(*pieces: bytes) -> Reply:
    reply = Reply()
    told = [reply.feed(piece) for piece in pieces]
    assert told == [False] * (len(pieces) - 1) + [True], "complete with the last piece, not before"
    return reply


def one_by_one(data: bytes) -> Iterator[bytes]:
    return (data[index : index + 1] for index in range(len(data)))


LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Kind: a:b\r\n\r\nbread"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nbre\r\n2;x=y\r\nad\r\n0\r\n"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + LENGTH


@pytest.mark.parametrize("data", [LENGTH, CHUNKED, INTERIM], ids=["length", "chunks", "interim"])
def test_a_response_may_come_whole_or_byte_by_byte(data: bytes) -> None:
    assert fed(data).page().body == b"bread"
    assert fed(*one_by_one(data)).page() == fed(data).page()


def test_without_a_length_the_body_ends_with_the_connection() -> None:
    assert fed(b"HTTP/1.0 200 OK\r\n\r\nbre", b"ad", b"").page().body == b"bread"


def test_headers_are_kept_in_order_with_lower_case_names() -> None:
    assert fed(LENGTH).page().headers == (("content-length", "5"), ("x-kind", "a:b"))


def test_what_follows_the_body_is_not_part_of_it() -> None:
    assert fed(LENGTH + b"more").page().body == b"bread"


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "closed the connection in the middle"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbread", "closed the connection in the mid"),
        (CHUNKED[:-3], "closed the connection in the middle"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "not HTTP/1: 'SSH-2.0-OpenSSH_9.2'"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "bad Content-Length: '-5'"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "bad chunk size: b'zz'"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n", "bad chunk size: b'-2'"),
    ],
)
def test_a_broken_response_is_an_error_that_says_what_broke(data: bytes, complaint: str) -> None:
    reply = Reply()
    with pytest.raises(PageError, match=complaint):
        for piece in (data, b""):
            reply.feed(piece)


def test_any_status_but_200_is_an_error() -> None:
    reply = fed(b"HTTP/1.1 301 Moved Permanently\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(PageError, match="status 301 Moved Permanently, which points to /there"):
        reply.page()


def test_an_address_becomes_a_place_to_connect_to_and_a_request() -> None:
    target = target_of("https://Example.org:8443/a b?q=ž#part")
    assert (target.host, target.port, target.tls) == ("example.org", 8443, True)
    assert target.request.startswith(b"GET /a%20b?q=%C5%BE HTTP/1.1\r\nHost: example.org:8443\r\n")
    assert target_of("http://[::1]/").host == "::1"
    assert b"Host: [::1]\r\n" in target_of("http://[::1]/").request


@pytest.mark.parametrize(
    "url", ["example.org", "ftp://example.org/", "http://", "http://x:99999/", "http://x:y/"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        target_of(url)


class LoopWithoutTls(types.ModuleType):
    """Stands for asyncio where its connections know nothing of `ssl`."""

    timeout = staticmethod(asyncio.timeout)

    async def open_connection(self, host: str, port: int) -> None:
        raise AssertionError("never reached: called with ssl=")


def test_https_on_a_loop_without_tls_is_a_clear_line() -> None:
    with pytest.raises(PageError, match="https://a/: https needs TLS, which bare lacks"):
        asyncio.run(fetch_on_loop(LoopWithoutTls("bare"), "https://a/", 60))


# the server's answers


def test_a_page_is_the_same_every_time_and_differs_from_the_next() -> None:
    first = fed(answer_to(b"GET /page/3 HTTP/1.1\r\nHost: x")).page()
    assert first == fed(page_answer(3)).page()
    assert first.body != fed(page_answer(4)).page().body
    assert 2048 < len(first.body) < 8192


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /page/ HTTP/1.1", b"404"),
        (b"GET /page/-1 HTTP/1.1", b"404"),
        (b"GET / HTTP/1.1", b"404"),
        (b"POST /page/1 HTTP/1.1", b"405"),
        (b"hello", b"400"),
    ],
)
def test_anything_but_a_page_gets_an_error_status(request_line: bytes, status: bytes) -> None:
    assert answer_to(request_line).split()[1] == status


# ratios


def test_a_ratio_is_that_of_the_medians_with_an_interval_around_it() -> None:
    ratio = ratio_of_medians([1.0, 1.1, 9.0], [2.0, 2.2, 2.4])
    assert ratio.value == pytest.approx(0.5)
    assert ratio.low is not None
    assert ratio.high is not None
    assert ratio.low <= ratio.value <= ratio.high


def test_an_interval_that_holds_one_says_no_difference_can_be_told() -> None:
    assert str(ratio_of_medians([1.0, 1.2, 1.4], [1.1, 1.2, 1.3])).startswith("≈1.00 (")
    assert not ratio_of_medians([1.0, 1.1], [2.0, 2.1]).same


def test_a_single_sample_has_no_interval() -> None:
    assert ratio_of_medians([1.0], [4.0]) == Ratio(0.25, None, None)
    assert str(ratio_of_medians([1.0], [4.0])) == "≈0.25"


def test_the_same_samples_give_the_same_interval() -> None:
    samples = [1.0, 1.3, 1.1, 1.7]
    assert ratio_of_medians(samples, samples) == ratio_of_medians(samples, samples)


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0412, "0.041"), (0.1, "0.10"), (1.0, "1.00"), (12.345, "12")]
)
def test_ratios_are_rounded_to_what_they_can_tell(value: float, shown: str) -> None:
    assert str(Ratio(value, value, value)).removeprefix("≈").split()[0] == shown


# rows, and what is said of them


def outcome(wall: float, results: list[str]) -> Outcome:
    return Outcome(0.01, 0.0, wall, wall, 0.02, 20 * 2**20, results)


def row(model: str, *walls: float, results: tuple[str, ...] = ("200 a", "200 b")) -> Row:
    job = Job("io", model, units=2, workers=1)
    return Row(job, [outcome(wall, list(results)) for wall in walls])


def compared(*rows: Row, urls: tuple[str, ...] = ()) -> Comparison:
    plan = Plan(("io",), tuple(row.model for row in rows), 2, 0.0, 3, None, urls)
    comparison = Comparison("io", plan, list(rows))
    comparison.judge()
    return comparison


def test_the_sentence_follows_the_order_of_the_rows_whatever_it_is() -> None:
    comparison = compared(
        row("sequential", 1.0, 1.01, 1.02),
        row("threads", 0.5, 0.51, 0.52),
        row("processes-warm", 3.0, 3.1, 3.2),
        row("asyncio", 0.99, 1.01, 1.03),
        row("miniloop", 0.1, 0.101, 0.102),
    )
    assert sentence(comparison.rows) == (
        "Only threads and event loops did this work side by side: "
        "miniloop at 10× and threads at 1.98× the speed of sequential; "
        "asyncio level with sequential; processes-warm at 3.07× the time of sequential."
    )


def test_the_sentence_claims_nothing_when_nothing_is_ahead() -> None:
    comparison = compared(row("sequential", 1.0, 1.1), row("miniloop", 1.0, 1.1))
    assert sentence(comparison.rows) == (
        "Nothing here did this work side by side: miniloop level with sequential."
    )
    assert sentence(compared(row("sequential", 1.0)).rows) == ""


def test_the_sentence_claims_nothing_from_samples_that_wobble_past_one() -> None:
    comparison = compared(row("sequential", 1.0, 1.0, 1.0), row("threads", 0.5, 0.6, 1.5))
    assert sentence(comparison.rows) == (
        "Nothing here did this work side by side: threads level with sequential."
    )


def test_names_are_joined_as_in_speech() -> None:
    assert [joined(list(words)) for words in ("a", "ab", "abc")] == ["a", "a and b", "a, b and c"]


def test_a_different_result_is_an_error_and_keeps_its_row() -> None:
    wrong = row("miniloop", 0.1, 0.1, results=("200 a", "200 x"))
    comparison = compared(row("sequential", 1.0, 1.0), wrong)
    assert wrong.same_result is False
    assert comparison.errors == [
        "io, miniloop: 1 of 2 results differ from sequential's, the first is number 1"
    ]
    assert cells(wrong)[-1] == "error"


def test_a_reference_that_disagrees_with_itself_is_an_error() -> None:
    reference = row("sequential", 1.0)
    reference.samples.append(outcome(1.0, ["200 a", "200 other"]))
    assert compared(reference).errors


def test_a_real_page_that_changes_by_itself_is_compared_by_its_status() -> None:
    reference = row("sequential", 1.0)
    reference.samples.append(outcome(1.0, ["200 a", "200 other"]))
    comparison = compared(
        reference, row("asyncio", 1.0, results=("200 a", "200 third")), urls=("u",)
    )
    assert (comparison.errors, comparison.changing_pages) == ([], 1)


def test_without_a_reference_the_other_rows_are_shown_unjudged() -> None:
    failed = row("sequential")
    failed.error = "connection refused"
    other = row("asyncio", 0.1, 0.2)
    comparison = compared(failed, other)
    assert (other.same_result, other.ratio) == (None, None)
    assert cells(other)[-1] == "?"
    assert comparison.errors == ["io, sequential: connection refused"]


def test_the_files_hold_what_the_table_shows() -> None:
    comparison = compared(row("sequential", 1.0, 1.2), row("miniloop", 0.1, 0.12))
    text = as_markdown({"GIL": "on | off"}, [comparison], "chart.svg")
    assert "| GIL | on \\| off |" in text
    assert f"| {' | '.join(cells(comparison.rows[1]))} |" in text
    data = as_data({}, [comparison])["workloads"][0]
    assert [each["model"] for each in data["rows"]] == ["sequential", "miniloop"]
    assert data["rows"][1]["median"]["wall"] == pytest.approx(0.11)
    assert data["finding"] == sentence(comparison.rows)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0, "0"), (0.000123, "0.12"), (0.0123, "12.3"), (0.1234, "123"), (12.3456, "12346")],
)
def test_milliseconds_have_three_figures_or_all_before_the_point(
    seconds: float, shown: str
) -> None:
    assert milliseconds(seconds) == shown


# the plan and its options


def plan_of(*arguments: str) -> Plan:
    return settings_from(arguments).plan


def test_without_options_everything_is_run() -> None:
    plan = plan_of()
    assert plan.workloads == ("io", "cpu", "cpu-native", "mixed")
    assert plan.models[:6] == (
        *("sequential", "threads", "processes-cold", "processes-warm", "asyncio", "miniloop"),
    )
    assert (plan.pages, plan.latency) == (40, 0.025)


def test_sequential_runs_even_if_it_is_not_named_and_processes_are_two() -> None:
    assert plan_of("--models", "miniloop").models == ("sequential", "miniloop")
    assert plan_of("--models", "processes,threads,threads").models == (
        *("sequential", "threads", "processes-cold", "processes-warm"),
    )


def test_quick_takes_fewer_samples_unless_told_how_many() -> None:
    assert plan_of("--quick").samples < plan_of().samples
    assert plan_of("--quick", "--samples", "9").samples == 9


def test_given_addresses_are_fetched_once_each_or_as_often_as_pages_says(tmp_path: Path) -> None:
    file = tmp_path / "urls"
    file.write_text("# two pages\nhttp://a/1\n\n  http://b/2\n")
    plan = plan_of("--urls", str(file))
    assert page_urls(plan, "") == ("http://a/1", "http://b/2")
    longer = plan_of("--urls", str(file), "--pages", "3")
    assert page_urls(longer, "") == ("http://a/1", "http://b/2", "http://a/1")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--only", "io,ipu"], "unknown workload: ipu; known are io, cpu, cpu-native, mixed"),
        (["--only", ","], "no workload named; known are io"),
        (["--models", "tornado"], "unknown model: tornado; known are sequential, threads"),
        (["--samples", "0"], "'0' is not a whole number from 1"),
        (["--pages", "-1"], "'-1' is not a whole number from 1"),
        (["--pages", "1e3"], "'1e3' is not a whole number"),
        (["--workers", "two"], "'two' is not a whole number"),
        (["--latency", "x"], "'x' is not a number of ms"),
        (["--latency", "nan"], "'nan' is not a number of ms"),
        (["--latency=-1"], "'-1' is not a number of ms"),
        (["--url", "example.org"], "'example.org' is not an http:// or https:// address"),
        (["--urls", "/nowhere/at/all"], "cannot read /nowhere/at/all: No such file"),
        (["--urls", "/dev/null"], "/dev/null holds no address"),
        (["--url", "http://a/", "--latency", "5"], "--latency is that of our own server"),
        (["--out", "/dev/null"], "/dev/null is not a directory"),
        (["--qick"], "unrecognized arguments: --qick"),
    ],
)
def test_wrong_usage_is_status_2_and_a_line_that_helps(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    assert complaint in capsys.readouterr().err


def test_an_unknown_command_is_status_2_and_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert commands.main(["stpes"]) == 2
    assert "no command 'stpes'; known are steps" in capsys.readouterr().err


def test_uvloop_is_refused_by_name_and_left_out_unasked_where_it_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("comparisons.options.find_spec", lambda name: None)
    assert "uvloop" not in plan_of().models
    with pytest.raises(SystemExit):
        plan_of("--models", "uvloop")
    assert "python -m pip install uvloop" in capsys.readouterr().err


def test_without_rich_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    assert cli.main([]) == 1
    assert capsys.readouterr().err == "this needs rich: python -m pip install -e '.[compare]'\n"


def test_without_matplotlib_the_report_is_written_and_the_run_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "find_spec", lambda name: None)
    quick = ["--only", "io", "--models", "sequential", "--pages", "1", "--samples", "1"]
    assert cli.main([*quick, "--latency", "0", "--out", str(tmp_path)]) == 1
    assert (
        "no chart without matplotlib: python -m pip install matplotlib" in capsys.readouterr().out
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.json", "report.md"]


def test_workers_are_shown_as_they_are_used() -> None:
    shown = [
        workers_shown(Job("cpu-native", model, units=8, workers=workers))
        for model, workers in (("threads", 4), ("asyncio", 2), ("miniloop", 0))
    ]
    assert shown == ["4", "1+2", "1"]
    assert cores() >= 1


def test_help_names_the_other_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        commands.main(["--help"])
    assert stopped.value.code == 0
    assert "also: python -m comparisons steps --help" in capsys.readouterr().out
