"""Ed25519 signatures (RFC 8032 §5.1), signing and verification.

Theory of operation. Points of the curve -x^2 + y^2 = 1 + d x^2 y^2 are (X, Y, Z, T) in extended
coordinates, x = X / Z, y = Y / Z, x y = T / Z (§5.1.4). The addition there is complete: it is right
for all points, equal, opposite and neutral ones. A point to be added comes prepared, as
(Y + X, Y - X, 2 d T, 2 Z). Multiples of the base point use a signed comb as `weierstrass.py` does,
five teeth over 16 prepared multiples; verification adds windows of four bits with odd signed
digits for the public key. Products are folded at bit 256, where 2^256 = 38, as in `x25519.py`:
once leaves less than 290 bits, twice 257 and a sign, and both are good for the next product.

Strictness: encodings of A and R have to be canonical, S below the group's order (§5.1.7), and the
equation is checked without the cofactor, by comparing encodings.

Timing: signing runs a fixed sequence of operations and chooses table entries by index; what is
left is the big integers' own timing. There is no randomness to blind with: signatures are to be the
same for the same message.
"""

from tlscore.compat import const
from tlscore.crypto.hashes import SHA512
from tlscore.crypto.modular import inverse_secret, power

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlscore.crypto.hashes import Hash

_P = const((1 << 255) - 19)
_L = const((1 << 252) + 27742317777372353535851937790883648493)
_LOW_256 = const((1 << 256) - 1)
_LOW_255 = const((1 << 255) - 1)
_D = const(0x52036CEE2B6FFE738CC740797779E89800700A4D4141D8AB75EB4DCA135978A3)
_TWICE_D = const(0x2406D9DC56DFFCE7198E80F2EEF3D13000E0149A8283B156EBD69B9426B2F159)
_ROOT_OF_MINUS_ONE = const(0x2B8324804FC1DF0B2B4D00993DFBD7A72F431806AD2FE478C4EE1B274A0EA0B0)
_SPACING = const(51)
_TEETH = const(5)
_NEUTRAL = (0, 1, 1, 0)

# (y + x, y - x, 2 d x y, 2) of odd combinations of 2^0, 2^51, 2^102, 2^153 and 2^204 times the base
# point; which ones says `Curve` in weierstrass.py.
_COMB = (
    (
        0x53AF08345DADCFDEEE9EF016CC161575DE6B832562C208668EBA61B90C27E968,
        0x422DE448991ACFE71DC88DCDEE40C11B6133E34D3469A68A16DB9261948767A5,
        0x2E76C88F3F1C6BE83B685390FFCC98F616C2B8657A4A68CC1B78A3FD96E5CC93,
        2,
    ),
    (
        0x33325B4F2A5B2D1F2D026C2940EC68D8D83132B47C93B1C375E92411C7EC9A68,
        0x7BA0DC7C651E9DC79676347CF1E94F016C597569790B011F0123AC6283E41BB9,
        0x16DF5DAD8ACDDE99B5F705FE59C0E398EFB78FB663737730F35CBB750A03533F,
        2,
    ),
    (
        0x0F39997132502E33A3A7761AB0F8DAED64CD4B742DB90490171CED28B270A9F8,
        0x3B6F8F9C4538D6BAE5CD8BF0B3E9E19643014C61776C9A994AA52D09022CBA46,
        0x0F09BAF79DF38597F485EA2A5F7DD7116C03BB59B1FC2A6EF8DF967816D2974D,
        2,
    ),
    (
        0x57CF8904BDA13946B28C543803FFB7629C704BED49FD294552107787EE752D89,
        0x1E9C31F2BC85647804C7F8A9041BEF437446F41AF49058F6BAD32EC1271972D1,
        0x2975C41917128969077BC0B21198381A46634C5545488E1A90A0EE585507A444,
        2,
    ),
    (
        0x096EB0811F488523D0A8C363F699D11D81650BC12D691A37265E3EEB832BF317,
        0x4D7116C15D724827E0770C61C1226518029BBE6E4D0484DB5119578C617F4B3C,
        0x3F6A5BCCD790B8026C3111538EA8F875A8F89379546D0DA365E0CA3E659B07CE,
        2,
    ),
    (
        0x3A8176F00CF3155C4D93D956F73B3159594BBFF0091537E3D1C304D7B801174F,
        0x7B510C1215905970289A140CA540DCCBDCB75AA7B4EBA91067D84DEC4B7FF890,
        0x56461E312E9ACA8D1890C4097A7C644E65371244B5A0711636E171D173AC9057,
        2,
    ),
    (
        0x75B7B4DE56328B64082547CEC16072E5D78E1410EA866B3DAE38F7CB21A20E0F,
        0x79A07F9DAA4103E4F2FDC6A74591840B1AF81A9CEBD784437B350D37E5923FED,
        0x21B8CB887DC93D771DB7E64E83746FEA4A640EEE33A2BA1BDA1DB26C6F5385AF,
        2,
    ),
    (
        0x6EEA0E68274A71E01B72D49B2B6D6C0BF870812965AB011B430FD59BF3CBD79C,
        0x04F6F0EEAA2AD86956C69A350C1BEAFD3859CA73BFE95F67D13D5FD9F3A95FB0,
        0x1908A252BD4B77228D732AFEDF2BB296FD4EF10733AB00C23C5FF2D334FD58DA,
        2,
    ),
    (
        0x2035E02B1C34BC2EFBDF25FFC6F4BE233B4BFF1ABC211DB561A15202F7BC1F8C,
        0x57B58E0AFA4416705A0FB91724D2C62BB8681F0E7565B5398AE2F3D4700E4C73,
        0x58D877E3FEE08E51C18FA32DA4A877F2533B0FF44CF7741CE41D156561FA6BEF,
        2,
    ),
    (
        0x2D7F437E36D9361492C7A70815C27EC4F3BD6F625AF9E10BFE73C14BB1EFD64C,
        0x1D37F1EFD515743A39B861B68D70F4A6692595BC9E28FCDF65E3822ECDABAC8B,
        0x452B2D584CEC6E3082E7F193A049BA24328212BE8077DF69260D015F62C4142B,
        2,
    ),
    (
        0x265C446F7568F3BB67029F10B7328BC3B5D03EF83BC134645202FE35B198A05D,
        0x47A0D7B81CF9BFF1F72BCBE046A3416E2BB8C656C3F6C23A8F795BFBE0CFF420,
        0x7727407F8BF8F5D2846A7DA2812357DEDED21BCE584A55CD277C1C528FDE5D32,
        2,
    ),
    (
        0x36D93B6DAB6C4047AB069F2AF9A60B9C18BC336991805B0401F79BF364593CE0,
        0x4555A463EBB6D3FDB62D6609632508F17626878315E885B4CD64EF2422AE69FB,
        0x61EB06CB95FDEC6603A9C5B09EDC1D1854DEF414908715E4B9E92D872F05A2A3,
        2,
    ),
    (
        0x59F9CEE1AB7186F1A5751CB18BBEBF4CCD2341ACE4F88463D122FD2DF9E90BF8,
        0x16E6CE9D38E8569A51F7236B6B4F5450630B3C7AEFAFA4372A4FE339D8046D53,
        0x09C75B204810BAD996424CD47F65CEB48A30FF48E4EBB160E3FBCB0004F9E3A8,
        2,
    ),
    (
        0x479EE9CA73F6A06BD947BB847E6D4CC9729D9848B9CC201860A684667D67218E,
        0x07DCD6D39F1E24630AA32CD82FA8E77A5706B651E15EDA51B58D439C8698B1A6,
        0x4D33ABA22D8672497FA0FC7AA36CB9C21423935CC049F8C72302C3A5A1CCF2D2,
        2,
    ),
    (
        0x3F370805DEB4F397F21F1DD5AD0122481690531B4331C7854D153E828B83BE06,
        0x24FB2B02AA6D69436350ADDC4BC9808D654CCA6A0E10576CFFD1AD7E54943E7C,
        0x4A7D3C1E50EBCDFD578A1602F5916C5090C059F10F708CF218AB72474AF05A9F,
        2,
    ),
    (
        0x5E3829B37304F1D64013F58B66B5ED68D6B76CC547B7CBB710FD567B045EC7F4,
        0x4CBB7DCD3D17046B9157FEB871E802D0130DE0F073F7FFFF9FBE7E5070E2D0A6,
        0x2A6DFE58B5BAD8DC7DEA81F0658FD849FE02D579C4411CD81CDDC2EFC67EF7E1,
        2,
    ),
)


def public_of(private_key: tuple) -> bytes:
    """Return the public key of a private key (kind, seed), 32 bytes (RFC 8032 §5.1.5).

    Raises:
        ValueError: "ed25519.seed_size".
    """
    scalar, _ = _expanded(private_key[1])
    return _encode(_multiply_base(scalar % _L))


def sign(_hash: "Hash", private_key: tuple, message: bytes, _entropy=None) -> bytes:
    """Return the signature of a message, 64 bytes (RFC 8032 §5.1.6).

    Raises:
        ValueError: "ed25519.seed_size".
    """
    scalar, prefix = _expanded(private_key[1])
    public = _encode(_multiply_base(scalar % _L))
    nonce = _hash_modulo_l(prefix, message)
    commitment = _encode(_multiply_base(nonce))
    s = (nonce + _hash_modulo_l(commitment, public, message) * scalar) % _L
    return commitment + s.to_bytes(32, "little")


def verify(_hash: "Hash", key: tuple, message: bytes, signature: bytes) -> bool:
    """Whether `signature` of the message is by the key (kind, 32 bytes) (RFC 8032 §5.1.7)."""
    if len(signature) != 64:
        return False
    commitment = bytes(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if s >= _L:
        return False
    point = _decode(key[1])
    if point is None:
        return False
    x, y = point
    # S B = R + h A, so R = S B + h (-A).
    h = _hash_modulo_l(commitment, key[1], message)
    return _encode(_combine(s, h, (_P - x, y, 1, (_P - x) * y % _P))) == commitment


def _expanded(seed: bytes) -> tuple:
    if len(seed) != 32:
        raise ValueError("ed25519.seed_size")
    digest = SHA512.new(seed).digest()
    scalar = int.from_bytes(digest[:32], "little")
    return scalar & (1 << 254) - 8 | 1 << 254, digest[32:]


def _hash_modulo_l(*parts: bytes) -> int:
    running = SHA512.new()
    for part in parts:
        running.update(part)
    return int.from_bytes(running.digest(), "little") % _L


def _encode(point: tuple) -> bytes:
    """Return the 32 bytes of a point (RFC 8032 §5.1.2)."""
    x, y, z, _ = point
    inverse = inverse_secret(z % _P, _P)
    return (y * inverse % _P | (x * inverse % _P & 1) << 255).to_bytes(32, "little")


def _decode(data: bytes) -> "tuple | None":
    """Return (x, y) of an encoded point, or None if it is none (RFC 8032 §5.1.3)."""
    if len(data) != 32:
        return None
    y = int.from_bytes(data, "little")
    sign = y >> 255
    y &= _LOW_255
    if y >= _P:
        return None
    # x^2 = u / v; a candidate for the root is u v^3 (u v^7)^((p - 5) / 8).
    square = y * y
    u = (square - 1) % _P
    v = (_D * square + 1) % _P
    cube = v * v % _P * v % _P
    x = u * cube % _P * power(u * cube % _P * cube % _P * v % _P, (_P - 5) >> 3, _P) % _P
    error = v * x * x % _P
    if error != u:
        if error != _P - u:
            return None
        x = x * _ROOT_OF_MINUS_ONE % _P
    if x == 0 and sign:
        return None
    return (x, _P - x)[sign ^ x & 1], y


def _multiply_base(k: int) -> tuple:
    """Return k times the base point, 0 <= k < L; fixed sequence of operations."""
    bits = _comb_bits(k)
    total = _NEUTRAL
    for column in range(_SPACING - 1, -1, -1):
        total = _add(_double(total), _comb_point(bits, column))
    return total


def _combine(s: int, h: int, point: tuple) -> tuple:
    """Return s times the base point plus h times `point`, whatever the order of that is."""
    bits = _comb_bits(s)
    table = _odd_multiples(point)
    # Odd numbers only have odd digits; one too many is taken back at the end.
    k = h | 1
    digits = bytearray(64)
    for i in range(63):
        digits[i] = k & 31
        k = (k - (k & 31) + 16) >> 4
    digits[63] = k + 16
    total = _NEUTRAL
    for i in range(255, -1, -1):
        total = _double(total)
        if not i & 3:
            digit = digits[i >> 2] - 16
            total = _add(total, _signed(table[(digit, -digit)[digit < 0] >> 1], digit < 0))
        if i < _SPACING:
            total = _add(total, _comb_point(bits, i))
    if not h & 1:
        total = _add(total, _signed(table[0], True))
    return total


def _comb_bits(k: int) -> bytes:
    """Return the signs of the binary digits of k, bit 1 for +1 and 0 for -1."""
    k += (_L, 0)[k & 1]  # digits of +1 and -1 make odd numbers only
    return ((k + (1 << 255) - 1) >> 1).to_bytes(32, "little")


def _comb_point(bits: bytes, column: int) -> tuple:
    """Return the prepared point for the digits in one column."""
    entry = 0
    for tooth in range(_TEETH):
        i = column + tooth * _SPACING
        entry |= (bits[i >> 3] >> (i & 7) & 1) << tooth
    negative = 1 - (entry >> 4)
    return _signed(_COMB[(entry ^ -negative) & 15], negative)


def _signed(prepared: tuple, negative: int) -> tuple:
    """Return a prepared point or its negative."""
    plus = prepared[negative]
    t = prepared[2]
    return plus, prepared[1 - negative], (t, -t)[negative], prepared[3]


def _odd_multiples(point: tuple) -> list:
    """Return the multiples 1, 3, ..., 15 of a point, prepared."""
    twice = _prepared(_double(point))
    multiples = []
    for _ in range(8):
        multiples.append(_prepared(point))
        point = _add(point, twice)
    return multiples


def _prepared(point: tuple) -> tuple:
    x, y, z, t = point
    return y + x, y - x, _TWICE_D * t % _P, 2 * z


def _double(point: tuple) -> tuple:
    """Return twice a point (RFC 8032 §5.1.4, with the signs of E to H turned)."""
    x, y, z, _ = point
    a = x * x
    a = (a & _LOW_256) + (a >> 256) * 38
    b = y * y
    b = (b & _LOW_256) + (b >> 256) * 38
    c = 2 * z * z
    c = (c & _LOW_256) + (c >> 256) * 38
    x += y
    e = x * x
    e = (e & _LOW_256) + (e >> 256) * 38 - a - b
    g = b - a
    return _product(e, g - c, g, -a - b)


def _add(point: tuple, prepared: tuple) -> tuple:
    """Return the sum of two points (RFC 8032 §5.1.4)."""
    x, y, z, t = point
    plus, minus, twice_d_t, twice_z = prepared
    a = (y - x) * minus
    a = (a & _LOW_256) + (a >> 256) * 38
    b = (y + x) * plus
    b = (b & _LOW_256) + (b >> 256) * 38
    c = t * twice_d_t
    c = (c & _LOW_256) + (c >> 256) * 38
    d = z * twice_z
    d = (d & _LOW_256) + (d >> 256) * 38
    return _product(b - a, d - c, d + c, b + a)


def _product(e: int, f: int, g: int, h: int) -> tuple:
    """Return the point (E F, G H, F G, E H), folded twice."""
    x = e * f
    x = (x & _LOW_256) + (x >> 256) * 38
    y = g * h
    y = (y & _LOW_256) + (y >> 256) * 38
    z = f * g
    z = (z & _LOW_256) + (z >> 256) * 38
    t = e * h
    t = (t & _LOW_256) + (t >> 256) * 38
    return (
        (x & _LOW_256) + (x >> 256) * 38,
        (y & _LOW_256) + (y >> 256) * 38,
        (z & _LOW_256) + (z >> 256) * 38,
        (t & _LOW_256) + (t >> 256) * 38,
    )
