"""The parts of the comparison that need no process: parsing, arithmetic, sentences, options."""

import asyncio
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from comparisons import __main__ as commands
from comparisons import cli, run
from comparisons.client import PageError, Reply, fetch_on_loop, target_of
from comparisons.experiment import Comparison, Row
from comparisons.findings import sentence
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
    complete = [reply.feed(piece) for piece in pieces]
    assert complete == [False] * (len(pieces) - 1) + [True], "complete after the last piece only"
    return reply


def one_by_one(data: bytes) -> Iterator[bytes]:
    return (data[index : index + 1] for index in range(len(data)))


LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Kind: a:b\r\n\r\nbread"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nbre\r\n2;x=y\r\nad\r\n0\r\n"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + LENGTH


@pytest.mark.parametrize("data", [LENGTH, CHUNKED, INTERIM], ids=["length", "chunks", "interim"])
def test_a_response_can_arrive_at_once_or_byte_by_byte(data: bytes) -> None:
    assert fed(data).page().body == b"bread"
    assert fed(*one_by_one(data)).page() == fed(data).page()


def test_without_a_length_the_body_ends_with_the_connection() -> None:
    assert fed(b"HTTP/1.0 200 OK\r\n\r\nbre", b"ad", b"").page().body == b"bread"


def test_headers_are_kept_in_order_with_lower_case_names() -> None:
    assert fed(LENGTH).page().headers == (("content-length", "5"), ("x-kind", "a:b"))


def test_bytes_after_the_body_are_ignored() -> None:
    assert fed(LENGTH + b"more").page().body == b"bread"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "before the response was complete"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbread", "before the response was complete"),
        (CHUNKED[:-3], "before the response was complete"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "not HTTP/1: 'SSH-2.0-OpenSSH_9.2'"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "bad Content-Length: '-5'"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "bad chunk size: b'zz'"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n", "bad chunk size: b'-2'"),
    ],
)
def test_an_invalid_response_raises_an_error_that_says_what_is_wrong(
    data: bytes, message: str
) -> None:
    reply = Reply()
    with pytest.raises(PageError, match=message):
        for piece in (data, b""):
            reply.feed(piece)


def test_any_status_except_200_is_an_error() -> None:
    reply = fed(b"HTTP/1.1 301 Moved Permanently\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(PageError, match="status 301 Moved Permanently, redirect to /there"):
        reply.page()


def test_an_address_is_converted_to_host_port_and_request() -> None:
    target = target_of("https://Example.org:8443/a b?q=ž#part")
    assert (target.host, target.port, target.tls) == ("example.org", 8443, True)
    assert target.request.startswith(b"GET /a%20b?q=%C5%BE HTTP/1.1\r\nHost: example.org:8443\r\n")
    assert target_of("http://[::1]/").host == "::1"
    assert b"Host: [::1]\r\n" in target_of("http://[::1]/").request


@pytest.mark.parametrize(
    "url", ["example.org", "ftp://example.org/", "http://", "http://x:99999/", "http://x:y/"]
)
def test_an_invalid_address_is_rejected(url: str) -> None:
    with pytest.raises(ValueError):
        target_of(url)


class LoopWithoutTls(types.ModuleType):
    """Like asyncio, but `open_connection` has no argument `ssl`."""

    timeout = staticmethod(asyncio.timeout)

    async def open_connection(self, host: str, port: int) -> None:
        raise AssertionError("never reached: called with ssl=")


def test_https_on_a_loop_without_tls_has_a_clear_error_message() -> None:
    with pytest.raises(PageError, match="https://a/: https needs TLS, which bare lacks"):
        asyncio.run(fetch_on_loop(LoopWithoutTls("bare"), "https://a/", 60))


# the responses of the server


def test_a_page_is_always_the_same_and_differs_from_other_pages() -> None:
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
def test_a_request_that_is_not_for_a_page_gets_an_error_status(
    request_line: bytes, status: bytes
) -> None:
    assert answer_to(request_line).split()[1] == status


# ratios


def test_a_ratio_of_medians_has_an_interval_around_it() -> None:
    ratio = ratio_of_medians([1.0, 1.1, 9.0], [2.0, 2.2, 2.4])
    assert ratio.value == pytest.approx(0.5)
    assert ratio.low is not None
    assert ratio.high is not None
    assert ratio.low <= ratio.value <= ratio.high


def test_an_interval_that_contains_one_means_no_clear_difference() -> None:
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
def test_ratios_are_rounded_to_two_decimals_and_small_ones_to_three(
    value: float, shown: str
) -> None:
    assert str(Ratio(value, value, value)).removeprefix("≈").split()[0] == shown


# rows, and the sentence below them


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


def test_the_sentence_lists_faster_unclear_and_slower_models_by_their_ratios() -> None:
    comparison = compared(
        row("sequential", 1.0, 1.01, 1.02),
        row("threads", 0.5, 0.51, 0.52),
        row("processes-warm", 3.0, 3.1, 3.2),
        row("asyncio", 0.99, 1.01, 1.03),
        row("miniloop", 0.1, 0.101, 0.102),
    )
    assert sentence(comparison.rows) == (
        "Faster than sequential: miniloop (10×), threads (1.98×); "
        "no clear difference: asyncio; slower than sequential: processes-warm (3.07×)."
    )


def test_the_sentence_claims_no_difference_between_equal_samples() -> None:
    comparison = compared(row("sequential", 1.0, 1.1), row("miniloop", 1.0, 1.1))
    assert sentence(comparison.rows) == "No clear difference: miniloop."
    assert sentence(compared(row("sequential", 1.0)).rows) == ""


def test_the_sentence_claims_no_difference_if_the_interval_contains_one() -> None:
    comparison = compared(row("sequential", 1.0, 1.0, 1.0), row("threads", 0.5, 0.6, 1.5))
    assert sentence(comparison.rows) == "No clear difference: threads."


def test_a_different_result_is_an_error_and_keeps_its_row() -> None:
    wrong = row("miniloop", 0.1, 0.1, results=("200 a", "200 x"))
    comparison = compared(row("sequential", 1.0, 1.0), wrong)
    assert wrong.same_result is False
    assert comparison.errors == [
        "io, miniloop: 1 of 2 results differ from sequential's, starting with number 1"
    ]
    assert cells(wrong)[-1] == "error"


def test_different_results_of_the_reference_are_an_error() -> None:
    reference = row("sequential", 1.0)
    reference.samples.append(outcome(1.0, ["200 a", "200 other"]))
    assert compared(reference).errors


def test_only_the_status_of_a_changing_page_is_compared() -> None:
    reference = row("sequential", 1.0)
    reference.samples.append(outcome(1.0, ["200 a", "200 other"]))
    comparison = compared(
        reference, row("asyncio", 1.0, results=("200 a", "200 third")), urls=("u",)
    )
    assert (comparison.errors, comparison.changing_pages) == ([], 1)


def test_without_a_reference_the_other_rows_are_shown_without_a_ratio() -> None:
    failed = row("sequential")
    failed.error = "connection refused"
    other = row("asyncio", 0.1, 0.2)
    comparison = compared(failed, other)
    assert (other.same_result, other.ratio) == (None, None)
    assert cells(other)[-1] == "?"
    assert comparison.errors == ["io, sequential: connection refused"]


def test_the_files_contain_what_the_table_shows() -> None:
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
def test_milliseconds_have_three_significant_digits_or_all_before_the_point(
    seconds: float, shown: str
) -> None:
    assert milliseconds(seconds) == shown


# the plan and its options


def plan_of(*arguments: str) -> Plan:
    return settings_from(arguments).plan


def test_without_options_all_workloads_and_models_run() -> None:
    plan = plan_of()
    assert plan.workloads == ("io", "cpu", "cpu-native", "mixed")
    assert plan.models[:6] == (
        *("sequential", "threads", "processes-cold", "processes-warm", "asyncio", "miniloop"),
    )
    assert (plan.pages, plan.latency) == (40, 0.025)


def test_sequential_always_runs_and_processes_stands_for_two_models() -> None:
    assert plan_of("--models", "miniloop").models == ("sequential", "miniloop")
    assert plan_of("--models", "processes,threads,threads").models == (
        *("sequential", "threads", "processes-cold", "processes-warm"),
    )


def test_quick_takes_fewer_samples_unless_a_number_is_given() -> None:
    assert plan_of("--quick").samples < plan_of().samples
    assert plan_of("--quick", "--samples", "9").samples == 9


def test_given_addresses_are_fetched_once_each_or_repeated_up_to_the_number_of_pages(
    tmp_path: Path,
) -> None:
    file = tmp_path / "urls"
    file.write_text("# two pages\nhttp://a/1\n\n  http://b/2\n")
    plan = plan_of("--urls", str(file))
    assert page_urls(plan, "") == ("http://a/1", "http://b/2")
    longer = plan_of("--urls", str(file), "--pages", "3")
    assert page_urls(longer, "") == ("http://a/1", "http://b/2", "http://a/1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "io,ipu"], "unknown workload: ipu; choose from io, cpu, cpu-native, mixed"),
        (["--only", ","], "no workload given; choose from io"),
        (["--models", "tornado"], "unknown model: tornado; choose from sequential, threads"),
        (["--samples", "0"], "'0' is not a whole number from 1"),
        (["--pages", "-1"], "'-1' is not a whole number from 1"),
        (["--pages", "1e3"], "'1e3' is not a whole number"),
        (["--workers", "two"], "'two' is not a whole number"),
        (["--latency", "x"], "'x' is not a number of milliseconds"),
        (["--latency", "nan"], "'nan' is not a number of milliseconds"),
        (["--latency=-1"], "'-1' is not a number of milliseconds"),
        (["--url", "example.org"], "'example.org' is not an http:// or https:// address"),
        (["--urls", "/nowhere/at/all"], "cannot read /nowhere/at/all: No such file"),
        (["--urls", "/dev/null"], "/dev/null contains no address"),
        (["--url", "http://a/", "--latency", "5"], "--latency applies to the local server"),
        (["--out", "/dev/null"], "/dev/null is not a directory"),
        (["--qick"], "unrecognized arguments: --qick"),
    ],
)
def test_invalid_usage_is_status_2_and_a_message_that_helps(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_an_unknown_command_is_status_2_and_lists_the_commands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert commands.main(["stpes"]) == 2
    assert "unknown command 'stpes'; the commands are steps" in capsys.readouterr().err


def test_without_uvloop_it_is_left_out_unless_requested_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("comparisons.options.find_spec", lambda name: None)
    assert "uvloop" not in plan_of().models
    with pytest.raises(SystemExit):
        plan_of("--models", "uvloop")
    assert "python -m pip install uvloop" in capsys.readouterr().err


def test_without_rich_a_message_says_what_to_install(
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


def test_the_pool_size_of_a_loop_shows_its_own_thread_separately() -> None:
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
    assert "other commands:\n  python -m comparisons steps --help" in capsys.readouterr().out
