import gzip
import tracemalloc
import zlib

import brotli
import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.openai import codings
from proxy.openai.codings import CodingError

LIMIT = 2**20


def raw_deflate(body: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(body) + compressor.flush()


ENCODERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}
WAYS = [*ENCODERS.items(), ("deflate", raw_deflate)]


def reason(body: bytes, coding: str, limit: int = LIMIT, *, partial: bool = False) -> str:
    with pytest.raises(CodingError) as caught:
        codings.decode(body, coding, limit, partial=partial)
    return caught.value.reason


def outcome(body: bytes, coding: str) -> str:
    try:
        codings.decode(body, coding, LIMIT)
    except CodingError as error:
        return error.reason
    return "decoded"


@given(body=st.binary(max_size=5000), names=st.lists(st.sampled_from(sorted(ENCODERS)), max_size=3))
@example(body=b"a" * 300_000, names=["br", "gzip"])
@example(body=bytes(range(256)) * 1000, names=["zstd"])
def test_decoding_undoes_several_codings_in_a_row(body, names):
    encoded = body
    for name in names:
        encoded = ENCODERS[name](encoded)

    assert codings.decode(encoded, ", ".join(names), LIMIT) == body


@given(body=st.binary(max_size=2000))
def test_deflate_is_read_raw_too(body):
    assert codings.decode(raw_deflate(body), "deflate", LIMIT) == body


@pytest.mark.parametrize("coding", ["", "identity", "IDENTITY", "identity, identity"])
def test_a_body_without_codings_is_given_back_as_it_is(coding):
    body = b"plain"

    assert codings.decode(body, coding, LIMIT) is body


def test_names_are_case_insensitive():
    assert codings.decode(gzip.compress(b"x"), " GZip ", LIMIT) == b"x"


def test_no_body_at_all_is_no_body_in_any_coding():
    assert codings.decode(b"", "gzip", LIMIT) == b""


@pytest.mark.parametrize("coding", ["compress", "gzip, sdch", "aes128gcm"])
def test_an_unknown_coding_is_named_so(coding):
    assert reason(b"x", coding) == "unknown_coding"
    assert not codings.is_known(coding)
    assert codings.is_known("gzip, br")


@pytest.mark.parametrize(("coding", "encode"), WAYS)
def test_the_limit_is_met_exactly(coding, encode):
    encoded = encode(b"a" * 70_000)

    assert codings.decode(encoded, coding, 70_000) == b"a" * 70_000
    assert reason(encoded, coding, 69_999) == "too_large"


def test_the_limit_holds_for_a_body_without_codings_too():
    assert reason(b"aaaa", "", 3) == "too_large"


@pytest.mark.parametrize(("coding", "encode"), WAYS)
def test_a_bomb_costs_little_more_than_the_limit(coding, encode):
    bomb = encode(bytes(64 * 2**20))
    tracemalloc.start()
    try:
        assert reason(bomb, coding, 2**20) == "too_large"
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 4 * 2**20


def test_a_bomb_within_a_bomb_stops_at_the_limit():
    assert reason(gzip.compress(gzip.compress(bytes(16 * 2**20))), "gzip, gzip") == "too_large"


def test_gzip_may_have_several_members_and_padding():
    members = gzip.compress(b"one ") + gzip.compress(b"") + gzip.compress(b"two") + bytes(10)

    assert codings.decode(members, "gzip", LIMIT) == b"one two"


def test_zstd_may_have_several_frames_skippable_ones_among_them():
    skippable = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
    frames = zstandard.compress(b"one ") + skippable + zstandard.compress(b"two")

    assert codings.decode(frames, "zstd", LIMIT) == b"one two"


def test_a_hundred_thousand_tiny_members_are_read_in_reasonable_time():
    assert codings.decode(gzip.compress(b"") * 100_000, "gzip", LIMIT) == b""


@pytest.mark.parametrize(("coding", "encode"), WAYS)
def test_a_body_that_was_cut_off_is_corrupt_unless_a_part_is_enough(coding, encode):
    lines = "".join(f"data: {number * 7919 % 1000003}\n\n" for number in range(20_000)).encode()
    cut = encode(lines)[:-500]

    assert reason(cut, coding) == "corrupt"
    part = codings.decode(cut, coding, LIMIT, partial=True)
    assert lines.startswith(part)
    assert coding == "br" or part


@given(body=st.binary(min_size=1, max_size=300), coding=st.sampled_from(sorted(ENCODERS)))
def test_bytes_that_are_no_such_coding_raise_nothing_but_a_coding_error(body, coding):
    assert outcome(body, coding) in {"decoded", "corrupt", "too_large"}


@given(body=st.binary(min_size=1, max_size=300), coding=st.sampled_from(sorted(ENCODERS)), data=st.data())
def test_a_flipped_byte_raises_nothing_but_a_coding_error(body, coding, data):
    encoded = bytearray(ENCODERS[coding](body))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= data.draw(st.integers(1, 255))

    assert outcome(bytes(encoded), coding) in {"decoded", "corrupt", "too_large"}


def test_garbage_after_a_gzip_member_is_corrupt():
    assert reason(gzip.compress(b"x") + b"garbage", "gzip") == "corrupt"
    assert reason(gzip.compress(b"x") + b"\0\0garbage", "gzip") == "corrupt"


def test_a_zstd_frame_that_wants_more_memory_than_http_allows_is_refused():
    wide = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=False)
    compressor = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    frame = compressor.compress(b"x") + compressor.flush()

    assert zstandard.ZstdDecompressor().decompressobj().decompress(frame) == b"x"
    assert reason(frame, "zstd") == "corrupt"
