"""Sources of randomness: HMAC_DRBG against published vectors, and what every source refuses."""

import hashlib

import pytest

from tlscore import entropy
from tlscore.crypto.hashes import SHA256, SHA384
from tlscore.entropy import HmacDrbg, SystemEntropy
from tlscore.errors import UsageError

SEED = bytes(range(48))

# NIST CAVP, drbgtestvectors, HMAC_DRBG.rsp; PredictionResistance = False. Two requests of the
# size of `returned` are made, `returned` is what the second one gives.
# hash, entropy input + nonce, personalization, additional input 1 and 2, reseed entropy, returned
CAVP = {
    "SHA-256, count 0": (
        SHA256,
        "ca851911349384bffe89de1cbdc46e6831e44d34a4fb935ee285dd14b71a7488"
        "659ba96c601dc69fc902940805ec0ca8",
        "",
        ("", ""),
        None,
        "e528e9abf2dece54d47c7e75e5fe302149f817ea9fb4bee6f4199697d04d5b89"
        "d54fbb978a15b5c443c9ec21036d2460b6f73ebad0dc2aba6e624abf07745bc1"
        "07694bb7547bb0995f70de25d6b29e2d3011bb19d27676c07162c8b5ccde0668"
        "961df86803482cb37ed6d5c0bb8d50cf1f50d476aa0458bdaba806f48be9dcb8",
    ),
    "SHA-256, reseeded, count 0": (
        SHA256,
        "06032cd5eed33f39265f49ecb142c511da9aff2af71203bffaf34a9ca5bd9c0d"
        "0e66f71edc43e42a45ad3c6fc6cdc4df",
        "",
        ("", ""),
        "01920a4e669ed3a85ae8a33b35a74ad7fb2a6bb4cf395ce00334a9c9a5a5d552",
        "76fc79fe9b50beccc991a11b5635783a83536add03c157fb30645e611c2898bb"
        "2b1bc215000209208cd506cb28da2a51bdb03826aaf2bd2335d576d519160842"
        "e7158ad0949d1a9ec3e66ea1b1a064b005de914eac2e9d4f2d72a8616a802254"
        "22918250ff66a41bd2f864a6a38cc5b6499dc43f7f2bd09e1e0f8f5885935124",
    ),
    "SHA-384, personalized, additional input, count 0": (
        SHA384,
        "c2feb900032f2cca98d3f60536f563d8ac9af5fb2e90dba36c371c0a1c58cf5e"
        "4a60f2be0fa13b8266b715be8aad128c",
        "8e6f9be0c692648072d19c750804b10e2ec313c8013abd363de7a467787859f2",
        (
            "72f54ba3f8e71ad69a040bb8493283acfc8815f17dbcea220ecd68372a2dffae",
            "adce8157ef60482841dd2ac5ac512bf7649120c1dba81ea75f2a70b7512bb6f3",
        ),
        None,
        "e76e4326ac69ddbc6b2408c529b05a96425c65cc65671601191238e9434d2a01"
        "47f3a25ce9b6818774f5263c92459bca421d2b492f9a9c2971359baaa1426d6e"
        "2c36d8924f39d02ee2fb5502c4e0b206dbe9aeeacd508abe6c055d547b5f9f35"
        "de4fdc9c05a2c63ad699a3a7e265598b8f40a8a295d7376b88c49af9edc790b8"
        "a5ee221e19877616678e2a5135d7b3756109200439d9ec8bfe0cc5f3c334ca9c"
        "022ab9192d5d554dc7ae76af1dc06d814427f46a7cfa2dcc62f4777d07ebde7d",
    ),
}

# RFC 6979 §A.2.5: the nonce k is the first output of HMAC_DRBG seeded with the private key and
# the message's hash, 32 bytes each (§3.2, §3.3).
RFC_6979_KEY = "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721"
RFC_6979_ORDER = int("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", 16)
RFC_6979 = {
    b"sample": "A6E3C57DD01ABE90086538398355DD4C3B17AA873382B0F24D6129493D8AAD60",
    b"test": "D16B6AE827F17175E040871A1C7EC3500192C4C92677336EC2537ACAEE0008E0",
}


class TestHmacDrbg:
    @pytest.mark.parametrize("case", CAVP.values(), ids=CAVP)
    def test_returns_what_the_validation_program_published(self, case):
        hash_function, seed, personalization, additional, reseed, returned = case
        drbg = HmacDrbg(bytes.fromhex(seed), hash_function, bytes.fromhex(personalization))
        if reseed is not None:
            drbg.reseed(bytes.fromhex(reseed))
        output = bytearray(len(returned) // 2)
        for each in additional:
            drbg.fill(output, bytes.fromhex(each))
        assert output.hex() == returned

    @pytest.mark.parametrize(("message", "nonce"), RFC_6979.items())
    def test_generates_the_deterministic_nonces_of_rfc_6979(self, message, nonce):
        digest = int.from_bytes(hashlib.sha256(message).digest(), "big") % RFC_6979_ORDER
        drbg = HmacDrbg(bytes.fromhex(RFC_6979_KEY) + digest.to_bytes(32, "big"))
        output = bytearray(32)
        drbg.fill(output)
        assert output.hex().upper() == nonce

    def test_the_same_seed_gives_the_same_bytes_and_every_request_others(self):
        first, second = HmacDrbg(SEED), HmacDrbg(SEED)
        outputs = []
        for _ in range(3):
            a, b = bytearray(40), bytearray(40)
            first.fill(a)
            second.fill(b)
            assert a == b
            outputs.append(bytes(a))
        assert len(set(outputs)) == 3

    def test_a_personalization_gives_another_generator(self):
        plain, personal = bytearray(32), bytearray(32)
        HmacDrbg(SEED).fill(plain)
        HmacDrbg(SEED, personalization=b"board 7").fill(personal)
        assert plain != personal

    def test_a_buffer_beyond_one_request_is_filled_to_the_end(self):
        output = bytearray(entropy.REQUEST_BYTES_MAX + 33)
        HmacDrbg(SEED).fill(output)
        split = HmacDrbg(SEED)
        head, tail = bytearray(entropy.REQUEST_BYTES_MAX), bytearray(33)
        split.fill(head)
        split.fill(tail)
        assert output == head + tail

    @pytest.mark.parametrize("size", [0, 31])
    def test_a_short_seed_is_refused(self, size):
        with pytest.raises(UsageError) as refused:
            HmacDrbg(bytes(size))
        assert refused.value.reason == "entropy.short_seed"
        drbg = HmacDrbg(SEED)
        with pytest.raises(UsageError) as refused:
            drbg.reseed(bytes(size))
        assert refused.value.reason == "entropy.short_seed"

    def test_too_many_requests_demand_a_fresh_seed(self, monkeypatch):
        monkeypatch.setattr(entropy, "RESEED_INTERVAL", 2)
        drbg = HmacDrbg(SEED)
        output = bytearray(8)
        drbg.fill(output)
        drbg.fill(output)
        before = bytes(output)
        with pytest.raises(UsageError) as refused:
            drbg.fill(output)
        assert refused.value.reason == "entropy.reseed_required"
        assert output == before
        drbg.reseed(SEED)
        drbg.fill(output)
        assert output != before


class TestSystemEntropy:
    def test_fills_the_whole_buffer_afresh_each_time(self):
        source = SystemEntropy()
        outputs = []
        for _ in range(4):
            buffer = bytearray(64)
            source.fill(buffer)
            outputs.append(bytes(buffer))
        assert len(set(outputs)) == 4
        assert all(output[-16:] != bytes(16) for output in outputs)

    def test_fills_a_part_of_a_buffer_through_a_memoryview(self):
        buffer = bytearray(64)
        SystemEntropy().fill(memoryview(buffer)[16:48])
        assert buffer[:16] == bytes(16)
        assert buffer[48:] == bytes(16)
        assert buffer[16:48] != bytes(32)

    def test_a_platform_without_a_source_is_refused(self, monkeypatch):
        monkeypatch.setattr(entropy, "urandom", None)
        with pytest.raises(UsageError) as refused:
            SystemEntropy()
        assert refused.value.reason == "entropy.absent"
