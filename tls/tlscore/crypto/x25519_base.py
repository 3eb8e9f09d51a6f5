"""Multiples of X25519's base point by a table: a key pair in a third of the ladder's time.

Theory of operation. Curve25519 is the Edwards curve -x^2 + y^2 = 1 + d x^2 y^2 in other
coordinates, u = (1 + y) / (1 - y) (RFC 7748 §4.1). There the multiples of the base point come from
a signed comb as in `weierstrass.py`: five teeth over 16 points, 51 doublings and additions in
extended coordinates (RFC 8032 §5.1.4) instead of 255 steps. Doublings make the coordinate T for the
addition that follows; an addition makes none. Products are folded at bit 256 as in `x25519.py`.

A point of the table is one integer: y + x, y - x and 2 d x y side by side, 256 bits each.

Timing: 51 rounds of the same operations. No secret is an address: all 16 points are read and
masked in each round. What remains is the big integers' own.

An image may leave this module out, and the ladder then does it all; so it does where it is machine
code.
"""

from tlscore.compat import const
from tlscore.crypto.modular import inverse_secret

_P = const((1 << 255) - 19)
_L = const((1 << 252) + 27742317777372353535851937790883648493)
_LOW_256 = const((1 << 256) - 1)
_SPACING = const(51)
_TEETH = const(5)

# Odd combinations of 2^0, 2^51, 2^102, 2^153 and 2^204 times the base point; which ones says
# `Curve` in weierstrass.py.
_COMB = (
    0x2E76C88F3F1C6BE83B685390FFCC98F616C2B8657A4A68CC1B78A3FD96E5CC93422DE448991ACFE71DC88DCDEE40C11B6133E34D3469A68A16DB9261948767A553AF08345DADCFDEEE9EF016CC161575DE6B832562C208668EBA61B90C27E968,
    0x16DF5DAD8ACDDE99B5F705FE59C0E398EFB78FB663737730F35CBB750A03533F7BA0DC7C651E9DC79676347CF1E94F016C597569790B011F0123AC6283E41BB933325B4F2A5B2D1F2D026C2940EC68D8D83132B47C93B1C375E92411C7EC9A68,
    0x0F09BAF79DF38597F485EA2A5F7DD7116C03BB59B1FC2A6EF8DF967816D2974D3B6F8F9C4538D6BAE5CD8BF0B3E9E19643014C61776C9A994AA52D09022CBA460F39997132502E33A3A7761AB0F8DAED64CD4B742DB90490171CED28B270A9F8,
    0x2975C41917128969077BC0B21198381A46634C5545488E1A90A0EE585507A4441E9C31F2BC85647804C7F8A9041BEF437446F41AF49058F6BAD32EC1271972D157CF8904BDA13946B28C543803FFB7629C704BED49FD294552107787EE752D89,
    0x3F6A5BCCD790B8026C3111538EA8F875A8F89379546D0DA365E0CA3E659B07CE4D7116C15D724827E0770C61C1226518029BBE6E4D0484DB5119578C617F4B3C096EB0811F488523D0A8C363F699D11D81650BC12D691A37265E3EEB832BF317,
    0x56461E312E9ACA8D1890C4097A7C644E65371244B5A0711636E171D173AC90577B510C1215905970289A140CA540DCCBDCB75AA7B4EBA91067D84DEC4B7FF8903A8176F00CF3155C4D93D956F73B3159594BBFF0091537E3D1C304D7B801174F,
    0x21B8CB887DC93D771DB7E64E83746FEA4A640EEE33A2BA1BDA1DB26C6F5385AF79A07F9DAA4103E4F2FDC6A74591840B1AF81A9CEBD784437B350D37E5923FED75B7B4DE56328B64082547CEC16072E5D78E1410EA866B3DAE38F7CB21A20E0F,
    0x1908A252BD4B77228D732AFEDF2BB296FD4EF10733AB00C23C5FF2D334FD58DA04F6F0EEAA2AD86956C69A350C1BEAFD3859CA73BFE95F67D13D5FD9F3A95FB06EEA0E68274A71E01B72D49B2B6D6C0BF870812965AB011B430FD59BF3CBD79C,
    0x58D877E3FEE08E51C18FA32DA4A877F2533B0FF44CF7741CE41D156561FA6BEF57B58E0AFA4416705A0FB91724D2C62BB8681F0E7565B5398AE2F3D4700E4C732035E02B1C34BC2EFBDF25FFC6F4BE233B4BFF1ABC211DB561A15202F7BC1F8C,
    0x452B2D584CEC6E3082E7F193A049BA24328212BE8077DF69260D015F62C4142B1D37F1EFD515743A39B861B68D70F4A6692595BC9E28FCDF65E3822ECDABAC8B2D7F437E36D9361492C7A70815C27EC4F3BD6F625AF9E10BFE73C14BB1EFD64C,
    0x7727407F8BF8F5D2846A7DA2812357DEDED21BCE584A55CD277C1C528FDE5D3247A0D7B81CF9BFF1F72BCBE046A3416E2BB8C656C3F6C23A8F795BFBE0CFF420265C446F7568F3BB67029F10B7328BC3B5D03EF83BC134645202FE35B198A05D,
    0x61EB06CB95FDEC6603A9C5B09EDC1D1854DEF414908715E4B9E92D872F05A2A34555A463EBB6D3FDB62D6609632508F17626878315E885B4CD64EF2422AE69FB36D93B6DAB6C4047AB069F2AF9A60B9C18BC336991805B0401F79BF364593CE0,
    0x09C75B204810BAD996424CD47F65CEB48A30FF48E4EBB160E3FBCB0004F9E3A816E6CE9D38E8569A51F7236B6B4F5450630B3C7AEFAFA4372A4FE339D8046D5359F9CEE1AB7186F1A5751CB18BBEBF4CCD2341ACE4F88463D122FD2DF9E90BF8,
    0x4D33ABA22D8672497FA0FC7AA36CB9C21423935CC049F8C72302C3A5A1CCF2D207DCD6D39F1E24630AA32CD82FA8E77A5706B651E15EDA51B58D439C8698B1A6479EE9CA73F6A06BD947BB847E6D4CC9729D9848B9CC201860A684667D67218E,
    0x4A7D3C1E50EBCDFD578A1602F5916C5090C059F10F708CF218AB72474AF05A9F24FB2B02AA6D69436350ADDC4BC9808D654CCA6A0E10576CFFD1AD7E54943E7C3F370805DEB4F397F21F1DD5AD0122481690531B4331C7854D153E828B83BE06,
    0x2A6DFE58B5BAD8DC7DEA81F0658FD849FE02D579C4411CD81CDDC2EFC67EF7E14CBB7DCD3D17046B9157FEB871E802D0130DE0F073F7FFFF9FBE7E5070E2D0A65E3829B37304F1D64013F58B66B5ED68D6B76CC547B7CBB710FD567B045EC7F4,
)  # fmt: skip


def multiply(scalar: bytes) -> bytes:
    """Return the u-coordinate of `scalar` times the base point, 32 bytes.

    Args:
        scalar: 32 bytes, clamped (RFC 7748 §5): no multiple of the group's order.
    """
    # Digits of +1 and -1 make odd numbers only; bit 1 stands for +1 and 0 for -1.
    k = int.from_bytes(scalar, "little") % _L
    k += (_L, 0)[k & 1]
    bits = ((k + (1 << 255) - 1) >> 1).to_bytes(32, "little")
    point = 0, 1, 1
    for column in range(_SPACING - 1, -1, -1):
        entry = 0
        for tooth in range(_TEETH):
            i = column + tooth * _SPACING
            entry |= (bits[i >> 3] >> (i & 7) & 1) << tooth
        point = _double_and_add(point, _chosen(entry))
    _, y, z = point
    return ((z + y) * inverse_secret(z - y, _P) % _P).to_bytes(32, "little")


def _chosen(entry: int) -> tuple:
    """Return (y + x, y - x, 2 d x y) for the digits of one column."""
    negative = 1 - (entry >> 4)
    wanted = (entry ^ -negative) & 15
    packed = 0
    for i in range(16):
        packed |= _COMB[i] & -(i == wanted)
    pair = packed & _LOW_256, packed >> 256 & _LOW_256
    t = packed >> 512
    return pair[negative], pair[1 - negative], (t, -t)[negative]


def _double_and_add(point: tuple, other: tuple) -> tuple:
    """Return twice `point` plus a point of the table, as (X, Y, Z)."""
    low = _LOW_256
    x, y, z = point
    a = x * x
    a = (a & low) + (a >> 256) * 38
    b = y * y
    b = (b & low) + (b >> 256) * 38
    f = 2 * z * z
    f = (f & low) + (f >> 256) * 38
    x += y
    e = x * x
    h = a + b
    e = (e & low) + (e >> 256) * 38 - h
    g = b - a
    f = g - f
    x, y, z = _projective(e, f, g, -h)
    h *= -e
    h = (h & low) + (h >> 256) * 38
    plus, minus, t = other
    a = (y - x) * minus
    a = (a & low) + (a >> 256) * 38
    b = (y + x) * plus
    b = (b & low) + (b >> 256) * 38
    h *= t
    h = (h & low) + (h >> 256) * 38
    z += z
    return _projective(b - a, z - h, z + h, b + a)


def _projective(e: int, f: int, g: int, h: int) -> tuple:
    """Return (E F, G H, F G), folded twice."""
    low = _LOW_256
    e *= f
    e = (e & low) + (e >> 256) * 38
    h *= g
    h = (h & low) + (h >> 256) * 38
    g *= f
    g = (g & low) + (g >> 256) * 38
    return (
        (e & low) + (e >> 256) * 38,
        (h & low) + (h >> 256) * 38,
        (g & low) + (g >> 256) * 38,
    )
