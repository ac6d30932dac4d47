"""The whole numbers that a text has in words, language by language, and in Chinese and Roman numerals.

Read in evidence only, to find a number there that an answer has in figures: what is read too much ("un" is an article
too) makes the check milder, never wrong. English number words are read in :mod:`ragset.kit.hard_facts`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from ragset.kit.hard_facts import SCALES, folded

_VALUES = (*range(21), *range(30, 100, 10), 100, 1000)
_TABLES = {
    "de": "null,ein eins eine einen einem einer eines,zwei zwo,drei,vier,fünf,sechs,sieben,acht,neun,zehn,elf,zwölf,"
    "dreizehn,vierzehn,fünfzehn,sechzehn,siebzehn,achtzehn,neunzehn,zwanzig,dreißig,vierzig,fünfzig,sechzig,siebzig,"
    "achtzig,neunzig,hundert,tausend",
    "fr": "zéro,un une,deux,trois,quatre,cinq,six,sept,huit,neuf,dix,onze,douze,treize,quatorze,quinze,seize,,,,vingt,"
    "trente,quarante,cinquante,soixante,septante,quatre_vingt quatre_vingts huitante,nonante,cent cents,mille",
    "es": "cero,un uno una,dos,tres,cuatro,cinco,seis,siete sete,ocho,nueve nove,diez,once,doce,trece,catorce,quince,"
    "dieciséis,diecisiete,dieciocho,diecinueve,veinte veinti,treinta,cuarenta,cincuenta,sesenta,setenta,ochenta,"
    "noventa,cien ciento cientos cientas,mil",
    "it": "zero,un uno una,due,tre,quattro,cinque,sei,sette,otto,nove,dieci,undici,dodici,tredici,quattordici,quindici,"
    "sedici,diciassette,diciotto,diciannove,venti vent,trenta trent,quaranta quarant,cinquanta cinquant,sessanta "
    "sessant,settanta settant,ottanta ottant,novanta novant,cento,mille mila",
    "pt": "zero,um uma,dois duas,três,quatro,cinco,seis,sete,oito,nove,dez,onze,doze,treze,catorze quatorze,quinze,"
    "dezesseis dezasseis,dezessete dezassete,dezoito,dezenove dezanove,vinte,trinta,quarenta,cinquenta,sessenta,"
    "setenta,oitenta,noventa,cem cento centos centas,mil",
    "nl": "nul,een één,twee,drie,vier,vijf,zes,zeven,acht,negen,tien,elf,twaalf,dertien,veertien,vijftien,zestien,"
    "zeventien,achttien,negentien,twintig,dertig,veertig,vijftig,zestig,zeventig,tachtig,negentig,honderd,duizend",
    "sv": "noll,en ett,två,tre,fyra,fem,sex,sju,åtta,nio,tio,elva,tolv,tretton,fjorton,femton,sexton,sjutton,arton,"
    "nitton,tjugo,trettio,fyrtio,femtio,sextio,sjuttio,åttio,nittio,hundra,tusen",
    "da": "nul,en et,to,tre,fire,fem,seks,syv,otte,ni,ti,elleve,tolv,tretten,fjorten,femten,seksten,sytten,atten,"
    "nitten,tyve,tredive,fyrre,halvtreds,tres,halvfjerds,firs,halvfems,hundrede,tusind tusinde",
    "no": "null,en ett et ei,to,tre,fire,fem,seks,sju syv,åtte,ni,ti,elleve,tolv,tretten,fjorten,femten,seksten,"
    "sytten,atten,nitten,tjue tyve,tretti tredve,førti,femti,seksti,sytti,åtti,nitti,hundre,tusen",
    "fi": "nolla,yksi yhden,kaksi kahden,kolme kolmen,neljä neljän,viisi viiden,kuusi kuuden,seitsemän,kahdeksan,"
    "yhdeksän,kymmenen,yksitoista,kaksitoista,kolmetoista,neljätoista,viisitoista,kuusitoista,seitsemäntoista,"
    "kahdeksantoista,yhdeksäntoista,kaksikymmentä,kolmekymmentä,neljäkymmentä,viisikymmentä,kuusikymmentä,"
    "seitsemänkymmentä,kahdeksankymmentä,yhdeksänkymmentä,sata sataa,tuhat tuhatta",
    "hu": "nulla,egy,kettő két,három,négy,öt,hat,hét,nyolc,kilenc,tíz,tizenegy,tizenkettő tizenkét,tizenhárom,"
    "tizennégy,tizenöt,tizenhat,tizenhét,tizennyolc,tizenkilenc,húsz huszon,harminc,negyven,ötven,hatvan,hetven,"
    "nyolcvan,kilencven,száz,ezer",
    "tr": "sıfır,bir,iki,üç,dört,beş,altı,yedi,sekiz,dokuz,on,,,,,,,,,,yirmi,otuz,kırk,elli,altmış,yetmiş,seksen,"
    "doksan,yüz,bin",
    "id": "nol,satu,dua,tiga,empat,lima,enam,tujuh,delapan,sembilan,sepuluh,sebelas,dua_belas,tiga_belas,empat_belas,"
    "lima_belas,enam_belas,tujuh_belas,delapan_belas,sembilan_belas,dua_puluh,tiga_puluh,empat_puluh,lima_puluh,"
    "enam_puluh,tujuh_puluh,delapan_puluh,sembilan_puluh,seratus ratus,seribu ribu",
    "vi": "không,một,hai,ba,bốn tư,năm lăm,sáu,bảy bẩy,tám,chín,mười,,,,,,,,,,hai_mươi,ba_mươi,bốn_mươi,năm_mươi,"
    "sáu_mươi,bảy_mươi,tám_mươi,chín_mươi,trăm,nghìn ngàn",
    "pl": "zero,jeden jedna jedno jednego jednej,dwa dwie dwóch dwoma,trzy trzech trzem,cztery czterech czterem,pięć "
    "pięciu,sześć sześciu,siedem siedmiu,osiem ośmiu,dziewięć dziewięciu,dziesięć dziesięciu,jedenaście jedenastu,"
    "dwanaście dwunastu,trzynaście trzynastu,czternaście czternastu,piętnaście piętnastu,szesnaście szesnastu,"
    "siedemnaście siedemnastu,osiemnaście osiemnastu,dziewiętnaście dziewiętnastu,dwadzieścia dwudziestu,trzydzieści "
    "trzydziestu,czterdzieści czterdziestu,pięćdziesiąt pięćdziesięciu,sześćdziesiąt sześćdziesięciu,siedemdziesiąt "
    "siedemdziesięciu,osiemdziesiąt osiemdziesięciu,dziewięćdziesiąt dziewięćdziesięciu,sto stu,tysiąc tysiące tysięcy",
    "cs": "nula,jeden jedna jedno jednoho jedné,dva dvě dvou,tři tří třech,čtyři čtyř čtyřech,pět pěti,šest šesti,sedm "
    "sedmi,osm osmi,devět devíti,deset deseti,jedenáct jedenácti,dvanáct dvanácti,třináct třinácti,čtrnáct čtrnácti,"
    "patnáct patnácti,šestnáct šestnácti,sedmnáct sedmnácti,osmnáct osmnácti,devatenáct devatenácti,dvacet dvaceti,"
    "třicet třiceti,čtyřicet čtyřiceti,padesát padesáti,šedesát šedesáti,sedmdesát sedmdesáti,osmdesát osmdesáti,"
    "devadesát devadesáti,sto,tisíc tisíce",
    "ro": "zero,un o unu una,doi două,trei,patru,cinci,șase,șapte,opt,nouă,zece,unsprezece,doisprezece douăsprezece,"
    "treisprezece,paisprezece,cincisprezece,șaisprezece,șaptesprezece,optsprezece,nouăsprezece,douăzeci,treizeci,"
    "patruzeci,cincizeci,șaizeci,șaptezeci,optzeci,nouăzeci,sută sute,mie mii",
    "ru": "ноль,один одна одно одного одной,два две двух двум,три трёх трём,четыре четырёх,пять пяти,шесть шести,семь "
    "семи,восемь восьми,девять девяти,десять десяти,одиннадцать одиннадцати,двенадцать двенадцати,тринадцать "
    "тринадцати,четырнадцать четырнадцати,пятнадцать пятнадцати,шестнадцать шестнадцати,семнадцать семнадцати,"
    "восемнадцать восемнадцати,девятнадцать девятнадцати,двадцать двадцати,тридцать тридцати,сорок сорока,пятьдесят "
    "пятидесяти,шестьдесят шестидесяти,семьдесят семидесяти,восемьдесят восьмидесяти,девяносто,сто ста,тысяча тысячи "
    "тысяч",
    "uk": "нуль,один одна одне одного однієї,два дві двох,три трьох,чотири чотирьох,пять пяти,шість шести,сім семи,"
    "вісім восьми,девять девяти,десять десяти,одинадцять одинадцяти,дванадцять дванадцяти,тринадцять тринадцяти,"
    "чотирнадцять чотирнадцяти,пятнадцять пятнадцяти,шістнадцять шістнадцяти,сімнадцять сімнадцяти,вісімнадцять "
    "вісімнадцяти,девятнадцять девятнадцяти,двадцять двадцяти,тридцять тридцяти,сорок сорока,пятдесят,шістдесят,"
    "сімдесят,вісімдесят,девяносто,сто ста,тисяча тисячі тисяч",
    "bg": "нула,един една едно,два две двама,три трима,четири,пет,шест,седем,осем,девет,десет,единадесет единайсет,"
    "дванадесет дванайсет,тринадесет тринайсет,четиринадесет,петнадесет петнайсет,шестнадесет,седемнадесет,"
    "осемнадесет,деветнадесет,двадесет двайсет,тридесет трийсет,четиридесет,петдесет,шестдесет,седемдесет,осемдесет,"
    "деветдесет,сто,хиляда хиляди",
    "el": "μηδέν,ένα ένας μία μια ενός,δύο δυο,τρία τρεις τριών,τέσσερα τέσσερις τεσσάρων,πέντε,έξι,επτά εφτά,οκτώ "
    "οχτώ,εννέα εννιά,δέκα,έντεκα ένδεκα,δώδεκα,δεκατρία δεκατρείς,δεκατέσσερα δεκατέσσερις,δεκαπέντε,δεκαέξι,δεκαεπτά,"
    "δεκαοκτώ,δεκαεννέα,είκοσι,τριάντα,σαράντα,πενήντα,εξήντα,εβδομήντα,ογδόντα,ενενήντα,εκατό εκατόν,χίλια χιλιάδες",
    "hi": "शून्य,एक,दो,तीन,चार,पांच पाँच,छह छः छे,सात,आठ,नौ,दस,ग्यारह,बारह,तेरह,चौदह,पंद्रह,सोलह,सत्रह,अठारह,उन्नीस,"
    "बीस,तीस,चालीस,पचास,साठ,सत्तर,अस्सी,नब्बे,सौ,हजार",
    "ar": "صفر,واحد واحدة,اثنان اثنين اثنتان اثنتين,ثلاث ثلاثة,أربع أربعة,خمس خمسة,ست ستة,سبع سبعة,ثمان ثماني ثمانية,"
    "تسع تسعة,عشر عشرة,,,,,,,,,,عشرون عشرين,ثلاثون ثلاثين,أربعون أربعين,خمسون خمسين,ستون ستين,سبعون سبعين,ثمانون "
    "ثمانين,تسعون تسعين,مائة مئة,ألف آلاف",
}
"""Number words by language: 0 to 20, 30 to 90 by tens, 100 and 1000; ``_`` stands for a blank or a hyphen."""
_LINKS = frozenset(("und", "en", "et", "y", "e", "och", "og", "si", "и", "ja", "i", "και"))
_IN_WORD = ("und", "og", "en")
_TOKEN = re.compile(r"[\w\u0900-\u0dff]+|[.,;:!?()…।]")
_HAN = {c: n for n, c in enumerate("〇一二三四五六七八九")} | {"零": 0, "两": 2, "兩": 2}
_HAN_UNITS = {"十": 10, "百": 100, "千": 1000}
_HAN_SCALES = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_HAN_RUN = re.compile(f"[{''.join((*_HAN, *_HAN_UNITS, *_HAN_SCALES))}]+")
_ROMAN = re.compile(r"\b(?=[IVXLC]{2})(C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})(?=\b|(?:e|er|ème|o|º|ª)\b)")
_LETTERS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}


@lru_cache(maxsize=2048)
def in_words(text: str, code: str) -> frozenset[int] | None:
    """Give the whole numbers that a text of a language has in words or numerals; none when its words are unknown."""
    if code in ("zh", "ja"):
        return frozenset(han(run) for run in _HAN_RUN.findall(text))
    if code not in _TABLES:
        return None
    flat = folded(text.replace("'", "").replace("’", "") if code == "uk" else text)
    return frozenset({*_words(flat, code), *_roman(text)})


def han(run: str) -> int:
    """Read a run of Chinese numerals: 二十五 is 25, 三百万 is 3,000,000, 二〇一九 is 2019."""
    if all(char in _HAN for char in run):
        return int("".join(str(_HAN[char]) for char in run))
    total = part = digit = 0
    for char in run:
        if char in _HAN:
            digit = _HAN[char]
        elif char in _HAN_UNITS:
            part, digit = part + (digit or 1) * _HAN_UNITS[char], 0
        else:
            total, part, digit = (total + ((part + digit) or 1) * _HAN_SCALES[char]), 0, 0
    return total + part + digit


@lru_cache(maxsize=64)
def _forms(code: str) -> dict[str, int]:
    groups = folded(_TABLES[code]).split(",")
    return {word: value for value, group in zip(_VALUES, groups, strict=True) for word in group.split()}


@lru_cache(maxsize=64)
def _patterns(code: str) -> tuple[re.Pattern[str], re.Pattern[str] | None]:
    """Give what finds one piece of a number written as one word, and what finds numbers of several words."""
    forms = sorted(_forms(code), key=lambda form: (-len(form), form))
    several = [form.replace("_", "[ -]") for form in forms if "_" in form]
    pieces = [*(form for form in forms if len(form) > 1), *_IN_WORD]
    return re.compile("|".join(pieces)), re.compile(rf"\b(?:{'|'.join(several)})\b") if several else None


def _words(flat: str, code: str) -> Iterator[int]:
    """Read runs of number words: "trente-cinq", "fünfundzwanzig", "treinta y cinco", "trois cents", "tre milioni"."""
    piece, several = _patterns(code)
    if several:
        flat = several.sub(lambda found: re.sub("[ -]", "_", found.group()), flat)
    run = list[int]()
    for token in (*_TOKEN.findall(flat), "."):
        values = _pieces(token, code, piece)
        if values:
            run += values
        elif token not in _LINKS or not run:
            scale = SCALES.get(token, 1.0) if len(token) > 1 else 1.0
            yield from (int(value * scale) for value in _sums(run))
            run = []


def _pieces(token: str, code: str, piece: re.Pattern[str]) -> list[int]:
    """Give the number words that a word is made of, none when it is made of anything else."""
    forms = _forms(code)
    if code == "ar" and token not in forms:
        token = token.removeprefix("و")
    if token in forms:
        return [forms[token]]
    found = piece.findall(token)
    whole = len(found) > 1 and "".join(found) == token
    return [forms[part] for part in found if part in forms and (part not in _IN_WORD or part == found[-1])] * whole


def _sums(run: Sequence[int]) -> Iterator[int]:
    """Read words in a row as numbers: what cannot be one number is several."""
    total = current = 0
    said = False
    for value in run:
        if value >= 100:
            total, current = (total + (current or 1) * 1000, 0) if value == 1000 else (total, (current or 1) * value)
        elif said and not _adds(total, current, value):
            yield total + current
            total, current = 0, value
        else:
            current += value
        said = True
    if said:
        yield total + current


def _adds(total: int, current: int, value: int) -> bool:
    below = current % 100
    if not below:
        return bool(total or current)
    tens_after = 0 < below < 10 and value % 10 == 0 and value >= 10
    return tens_after or (below % 10 == 0 and value < 10) or (below in (60, 80) and value < 20)


def _roman(text: str) -> Iterator[int]:
    for found in _ROMAN.finditer(text):
        letters = [_LETTERS[char] for char in found.group()]
        yield sum(-n if n < max(letters[at:]) else n for at, n in enumerate(letters))
