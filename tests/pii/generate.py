#!/usr/bin/env python3
"""Writes set.jsonl, the evaluation set of the detectors of personal data: generate.py [--out FILE]

Needs `pip install python-stdnum phonenumbers`. They are what makes the set independent of the detectors: check digits
come from python-stdnum, telephone numbers and the ways of writing them from phonenumbers (libphonenumber's data).
Nothing in the set belongs to anybody but by chance. The seed is fixed: the same versions give the same file.
"""
import argparse
import json
import os
import random

import phonenumbers
from phonenumbers import PhoneNumberFormat as Form
from phonenumbers import PhoneNumberType as Type
from stdnum import ean, iban, luhn, verhoeff
from stdnum import numdb
from stdnum.be import nn as be_nn
from stdnum.br import cpf
from stdnum.ch import ssn as ch_ssn
from stdnum.cn import ric
from stdnum.de import idnr
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.in_ import aadhaar
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.no import fodselsnummer
from stdnum.pl import pesel
from stdnum.se import personnummer
from stdnum.us import ssn

PER_KIND = 160
R = random.Random(20260101)


def digits(count, first=None):
    text = "".join(R.choice("0123456789") for _ in range(count))
    return text if first is None else str(first) + text[1:]


def until(make, good):
    while True:
        value = make()
        if good(value):
            return value


def birthday(years=(1930, 2019)):
    return R.randint(*years), R.randint(1, 12), R.randint(1, 28)


# --- values, by kind -----------------------------------------------------------------------------------------------
def email():
    first = R.choice("anna bob carla dmitri elif fatima george hanna ivan josé kwame lena müller nina o'brien pär "
                     "quentin rosa søren tom".split())
    last = R.choice("smith jones brown garcia meier rossi novak silva kim lee".split())
    local = R.choice([f"{first}.{last}", f"{first}_{last}{R.randint(1, 99)}", f"{first[0]}{last}", f"{first}+news",
                      f"{last}-{first}", f"{first}{R.randint(1960, 2010)}", first.upper()])
    host = R.choice("example.com example.org mail.example.net sub.dept.example.co.uk beispiel.de empresa.com.br "
                    "xn--bcher-kva.example bücher.example uni.ac.at firma.museum x-y.io".split())
    return f"{local}@{host}"


REGIONS = "US CA GB DE FR ES IT NL BE CH AT SE NO DK FI PL CZ PT IE BR MX AR IN CN JP KR AU NZ ZA TR IL AE SG".split()
# Their national way of writing is told apart without a word: a trunk 0, parentheses, or North America's groups.
SHAPED = "US CA GB DE FR IT NL BE CH AT SE AU NZ ZA JP BR".split()


def number_of(region):
    kind = R.choice([Type.MOBILE, Type.FIXED_LINE])
    example = phonenumbers.example_number_for_type(region, kind)

    def make():
        national = str(example.national_number)
        changed = int(national[:-4] + digits(4))
        return phonenumbers.PhoneNumber(example.country_code, changed,
                                        italian_leading_zero=example.italian_leading_zero)
    return until(make, phonenumbers.is_valid_number)


def phone_international():
    number = number_of(R.choice(REGIONS))
    text = phonenumbers.format_number(number, R.choice([Form.INTERNATIONAL, Form.E164, Form.INTERNATIONAL]))
    if R.random() < 0.1 and " " in text:
        text = text.replace(" ", R.choice(["-", ".", "\u00a0"]))
    return text


def phone_national(regions=SHAPED):
    return until(lambda: phonenumbers.format_number(number_of(R.choice(regions)), Form.NATIONAL),
                 lambda text: regions != SHAPED or any(c in " -()" for c in text))


def phone_bare():
    return "".join(c for c in phone_national(REGIONS) if c.isdigit())


def card():
    issuers = [("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("2720", 16), ("34", 15), ("37", 15), ("6011", 16),
               ("65", 16), ("36", 14), ("3528", 16), ("3589", 16), ("62", 16), ("4", 19), ("6304", 16), ("2202", 16)]
    prefix, length = R.choice(issuers)
    body = prefix + digits(length - 1 - len(prefix))
    number = body + luhn.calc_check_digit(body)
    cuts = {16: (4, 4, 4, 4), 15: (4, 6, 5), 14: (4, 6, 4), 19: (4, 4, 4, 4, 3)}[length]
    return grouped(number, cuts, R.choice(["", "", " ", "-"]))


def grouped(text, cuts, separator):
    parts, at = [], 0
    for cut in cuts:
        parts.append(text[at:at + cut])
        at += cut
    return separator.join(parts)


IBAN_FORMS = numdb.get("iban")


def an_iban():
    country = R.choice("AT BE BG CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IL IS IT LI LT LU LV MC MT NL NO PL PT RO "
                       "SA SE SI SK SM TR AE AL BH BR".split())
    form = IBAN_FORMS.info(country)[0][1].get("bban")

    def bban():
        text = ""
        i = 0
        while i < len(form):
            j = i
            while form[j].isdigit():
                j += 1
            count = int(form[i:j])
            j += form[j] == "!"
            pool = {"n": "0123456789", "a": "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}.get(form[j], "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ")
            text += "".join(R.choice(pool) for _ in range(count))
            i = j + 1
        return text
    body = bban()
    number = country + iban.calc_check_digits(country + "00" + body) + body
    assert iban.is_valid(number, check_country=False), number
    form = R.random()
    if form < 0.45:
        return " ".join(number[i:i + 4] for i in range(0, len(number), 4))
    return number.lower() if form > 0.95 else number


def ip():
    if R.random() < 0.6:
        return ".".join(str(R.randint(1, 254)) for _ in range(4))
    groups = [f"{R.randint(1, 0xffff):x}" for _ in range(8)]
    groups[0] = R.choice(["2001", "2a02", "2606", "fe80", "fd12"])
    return R.choice([":".join(groups), ":".join(groups[:3]) + "::" + groups[7], f"{groups[0]}::{R.randint(1, 0xff):x}",
                     f"{groups[0]}:db8:{groups[2]}::{R.randint(1, 9)}"])


def us_ssn():
    value = until(lambda: f"{R.randint(1, 899):03d}-{R.randint(1, 99):02d}-{R.randint(1, 9999):04d}", ssn.is_valid)
    return value if R.random() < 0.8 else value.replace("-", " ")


def de_steuer_id():
    def make():
        pool = list("0123456789")
        R.shuffle(pool)
        ten = pool[:9] + [R.choice(pool[:9])]
        R.shuffle(ten)
        return "".join(ten)
    body = until(make, lambda t: t[0] != "0")
    number = until(lambda: body + str(R.randint(0, 9)), idnr.is_valid)
    return number if R.random() < 0.6 else grouped(number, (2, 3, 3, 3), " ")


def fr_nir():
    year, month, _ = birthday()
    place = R.choice([f"{R.randint(1, 95):02d}", "2A", "2B"])
    body = f"{R.choice('12')}{year % 100:02d}{month:02d}{place}{R.randint(1, 990):03d}{R.randint(1, 999):03d}"
    number = body + nir.calc_check_digits(body)
    assert nir.is_valid(number), number
    return number if R.random() < 0.4 else grouped(number, (1, 2, 2, 2, 3, 3, 2), " ")


def es_dni():
    if R.random() < 0.6:
        body = digits(8)
        return body + R.choice(["", "", "-"]) + dni.calc_check_digit(body)
    body = R.choice("XYZ") + digits(7)
    return R.choice([body + nie.calc_check_digit(body), f"{body[0]}-{body[1:]}-{nie.calc_check_digit(body)}"])


def it_codice_fiscale():
    consonants = "BCDFGLMNPRSTVZ"
    year, month, day = birthday()
    body = "".join(R.choice(consonants) for _ in range(6)) + f"{year % 100:02d}" + "ABCDEHLMPRST"[month - 1]
    body += f"{day + R.choice([0, 40]):02d}" + R.choice("ABCDEFGHIL") + digits(3)
    code = body + codicefiscale.calc_check_digit(body)
    assert codicefiscale.is_valid(code), code
    return code


def gb_nhs():
    number = until(lambda: digits(10, R.choice("4679")), nhs.is_valid)
    return number if R.random() < 0.4 else grouped(number, (3, 3, 4), R.choice([" ", " ", "-"]))


def nl_bsn():
    number = until(lambda: digits(9, R.choice("123")), bsn.is_valid)
    return number if R.random() < 0.7 else grouped(number, (4, 2, 3), ".")


def pl_pesel():
    year, month, day = birthday()
    body = f"{year % 100:02d}{month + (20 if year >= 2000 else 0):02d}{day:02d}{digits(4)}"
    return body + pesel.calc_check_digit(body)


def br_cpf():
    body = digits(9)
    number = body + cpf._calc_check_digits(body)
    return cpf.format(number) if R.random() < 0.7 else number


def in_aadhaar():
    number = until(lambda: (lambda b: b + verhoeff.calc_check_digit(b))(digits(11, R.choice("23456789"))), aadhaar.is_valid)
    return grouped(number, (4, 4, 4), R.choice([" ", " ", "-"]))


def se_personnummer():
    year, month, day = birthday()
    body = f"{year % 100:02d}{month:02d}{day + R.choice([0, 0, 0, 60]):02d}{digits(3)}"
    last = body[6:] + luhn.calc_check_digit(body)
    return R.choice(["", str(year)[:2]]) + body[:6] + "-" + last


def no_fodselsnummer():
    def make():
        year, month, day = birthday((1960, 1999))
        body = f"{day + R.choice([0, 0, 40]):02d}{month:02d}{year % 100:02d}{R.randint(0, 499):03d}"
        one = fodselsnummer.calc_check_digit1(body)
        two = fodselsnummer.calc_check_digit2(body + one) if one != "-" and len(one) == 1 else "--"
        return body + one + two
    number = until(make, lambda t: len(t) == 11 and t.isdigit() and fodselsnummer.is_valid(t))
    return number if R.random() < 0.5 else grouped(number, (6, 5), " ")


def fi_hetu():
    year, month, day = birthday()
    body = f"{day:02d}{month:02d}{year % 100:02d}"
    serial = f"{R.randint(2, 899):03d}"
    check = "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(body + serial) % 31]
    code = body + ("A" if year >= 2000 else "-") + serial + check
    assert hetu.is_valid(code), code
    return code


def be_national_number():
    def make():
        year, month, day = birthday()
        body = f"{year % 100:02d}{month:02d}{day:02d}{R.randint(1, 998):03d}"
        check = 97 - int(("2" if year >= 2000 else "") + body) % 97
        return f"{body}{check:02d}"
    return grouped_be(until(make, be_nn.is_valid))


def grouped_be(number):
    return f"{number[:2]}.{number[2:4]}.{number[4:6]}-{number[6:9]}.{number[9:]}"


def ch_ahv():
    body = "756" + digits(9)
    number = body + ean.calc_check_digit(body)
    assert ch_ssn.is_valid(number), number
    return number if R.random() < 0.3 else grouped(number, (3, 4, 4, 2), ".")


def cn_resident_id():
    def make():
        year, month, day = birthday((1985, 2010))
        place = R.choice(["110101", "110105", "320102", "440106", "420106", "510107", "330106"])
        body = f"{place}{year}{month:02d}{day:02d}{digits(3)}"
        return body + ric.calc_check_digit(body + "0")
    return until(make, ric.is_valid)


# --- sentences -----------------------------------------------------------------------------------------------------
PLAIN = ["Customer wrote: {}", "{}", "({})", "Please update the record to {}.", "- {}\n- next line", "see {}, thanks",
         "Bitte {} eintragen.", "Voici : {} !", "\u201c{}\u201d", "id={}", "a, b; {}; c", "Il valore \u00e8 {}", "值是 {} 。"]
NAMED = {
    "email": ["Mail me at {}.", "From: <{}>", "mailto:{}", "contact:{}, urgent", "Schreiben Sie an {}!"],
    "phone": ["Call me at {}", "Tel.: {}", "phone {}", "Mobil {} (abends)", "T\u00e9l\u00e9phone : {}", "Tel\u00e9fono: {}",
              "my cell is {} thanks", "WhatsApp {}", "Fax: {}", "Telefon: {}."],
    "card": ["card {} exp 12/27", "Visa {}", "Kreditkarte: {}", "pay with {}."],
    "iban": ["IBAN {}", "IBAN: {}, BIC COBADEFFXXX", "Konto {} bitte", "virement sur {}"],
    "ip": ["from {} port 22", "host {}:", "client={}", "login from {}.", "[{}]"],
    "us_ssn": ["SSN {}", "social security number: {}", "my social is {}"],
    "de_steuer_id": ["Steuer-ID: {}", "IdNr. {}", "Meine Steueridentifikationsnummer lautet {}."],
    "fr_nir": ["num\u00e9ro de s\u00e9curit\u00e9 sociale {}", "NIR : {}"],
    "es_dni": ["DNI {}", "con NIE {}", "D.N.I.: {}"],
    "it_codice_fiscale": ["codice fiscale {}", "C.F.: {}"],
    "gb_nhs": ["NHS number {}", "NHS no: {}", "patient, NHS {}, admitted"],
    "nl_bsn": ["BSN {}", "BSN: {}.", "burgerservicenummer {}"],
    "pl_pesel": ["PESEL {}", "nr PESEL: {}"],
    "br_cpf": ["CPF {}", "CPF n\u00ba {}"],
    "in_aadhaar": ["Aadhaar {}", "aadhaar no. {}"],
    "se_personnummer": ["personnummer {}", "Personnr: {}"],
    "no_fodselsnummer": ["f\u00f8dselsnummer {}", "fnr {}"],
    "fi_hetu": ["hetu {}", "henkil\u00f6tunnus: {}"],
    "be_national_number": ["rijksregisternummer {}", "NISS {}"],
    "ch_ahv": ["AHV-Nr. {}", "No AVS {}"],
    "cn_resident_id": ["身份证 {}", "ID card {}"],
}
MAKERS = {
    "email": email, "card": card, "iban": an_iban, "ip": ip, "us_ssn": us_ssn, "de_steuer_id": de_steuer_id,
    "fr_nir": fr_nir, "es_dni": es_dni, "it_codice_fiscale": it_codice_fiscale, "pl_pesel": pl_pesel, "br_cpf": br_cpf,
    "in_aadhaar": in_aadhaar, "se_personnummer": se_personnummer, "no_fodselsnummer": no_fodselsnummer,
    "fi_hetu": fi_hetu, "be_national_number": be_national_number, "ch_ahv": ch_ahv, "cn_resident_id": cn_resident_id}
LINES = []


def add(template, value, kind, group="set"):
    before, after = template.split("{}")
    begin = len(before.encode())
    span = [] if kind is None else [[kind, begin, begin + len(value.encode())]]
    LINES.append({"text": before + value + after, "spans": span, "group": group})


def positives():
    for kind, make in MAKERS.items():
        for _ in range(PER_KIND):
            add(R.choice(NAMED[kind] if R.random() < 0.5 else PLAIN), make(), kind)
    for _ in range(PER_KIND):
        add(R.choice(NAMED["phone"] if R.random() < 0.5 else PLAIN), phone_international(), "phone")
        add(R.choice(NAMED["phone"] if R.random() < 0.5 else PLAIN), phone_national(), "phone")
        add(R.choice(NAMED["phone"]), phone_national(REGIONS), "phone")
        add(R.choice(NAMED["phone"]), phone_bare(), "phone")
        add(R.choice(NAMED["nl_bsn"]), nl_bsn(), "nl_bsn")
        add(R.choice(NAMED["gb_nhs"]), gb_nhs(), "gb_nhs")
        # Digits alone and no word: by design not found. Counted apart.
        add(R.choice(PLAIN), nl_bsn().replace(".", ""), "nl_bsn", "nameless")
        add(R.choice(PLAIN), "".join(c for c in gb_nhs() if c.isdigit()), "gb_nhs", "nameless")
        add(R.choice(PLAIN), phone_bare(), "phone", "nameless")
    for _ in range(PER_KIND):  # several in one text
        first, second = R.sample(sorted(MAKERS), 2)
        one, two = MAKERS[first](), MAKERS[second]()
        text = f"{NAMED[first][0].format(one)} and {two}."
        begin, then = text.encode().find(one.encode()), text.encode().rfind(two.encode())
        LINES.append({"text": text, "group": "set", "spans": [[first, begin, begin + len(one.encode())],
                                                              [second, then, then + len(two.encode())]]})


def wrong(value):
    """The last digit changed: shaped as before, and the check fails."""
    at = max(i for i, c in enumerate(value) if c.isdigit())
    return value[:at] + str((int(value[at]) + R.randint(1, 9)) % 10) + value[at + 1:]


def hexadecimal(count):
    return "".join(R.choice("0123456789abcdef") for _ in range(count))


def isbn():
    body = R.choice(["978", "979"]) + digits(9)
    number = body + ean.calc_check_digit(body)
    return grouped(number, (3, 1, 2, 6, 1), R.choice(["-", "", " "]))


NEGATIVES = [
    lambda: ("Order {} has shipped", digits(R.choice([6, 8, 9, 10, 11, 12, 14, 16]), R.randint(1, 9))),
    lambda: ("Bestellnummer {}", digits(R.choice([8, 9, 10, 11, 12]), R.randint(1, 9))),
    lambda: ("invoice no. {} is due", digits(R.choice([8, 9, 10, 11, 12]), R.randint(1, 9))),
    lambda: ("tracking 1Z{}", hexadecimal(6).upper() + digits(10)),
    lambda: ("Upgrade to version {}.", f"{R.randint(0, 20)}.{R.randint(0, 99)}.{R.randint(0, 999)}"),
    lambda: ("build {} is out", f"{R.randint(1, 12)}.{R.randint(0, 20)}.{R.randint(0, 255)}.{R.randint(1, 255)}"),
    lambda: ("at {} the job ran", f"20{R.randint(10, 29)}-{R.randint(1, 12):02d}-{R.randint(1, 28):02d}T{R.randint(0, 23):02d}:15:{R.randint(0, 59):02d}Z"),
    lambda: ("on {} we met", f"{R.randint(1, 28):02d}.{R.randint(1, 12):02d}.20{R.randint(10, 29)}"),
    lambda: ("on {} we met", f"{R.randint(1, 12):02d}/{R.randint(1, 28):02d}/20{R.randint(10, 29)} {R.randint(10, 23)}:45"),
    lambda: ("ts={} level=info", str(R.randint(1_500_000_000, 1_900_000_000))),
    lambda: ("ts={} level=info", str(R.randint(1_500_000_000_000, 1_900_000_000_000))),
    lambda: ("request {} failed", f"{hexadecimal(8)}-{hexadecimal(4)}-4{hexadecimal(3)}-a{hexadecimal(3)}-{hexadecimal(12)}"),
    lambda: ("commit {}", hexadecimal(40)),
    lambda: ("sha256:{}", hexadecimal(64)),
    lambda: ("MAC {}", ":".join(hexadecimal(2) for _ in range(6))),
    lambda: ("ISBN {}", isbn()),
    lambda: ("we are at {}", f"{R.uniform(-89, 89):.6f}, {R.uniform(-179, 179):.6f}"),
    lambda: ("paid {} in total", f"${R.randint(1, 999)},{R.randint(0, 999):03d},{R.randint(0, 999):03d}.{R.randint(0, 99):02d}"),
    lambda: ("population {}", f"{R.randint(1, 99)} {R.randint(100, 999)} {R.randint(100, 999)}"),
    lambda: ("pi is {}", "3.1415926535" + digits(R.randint(3, 20))),
    lambda: ("use {} here", R.choice(["std::vector", "a::b", "Foo::bar", "dead::beef", "fee::add", "ab::cd::ef"])),
    lambda: ("npm install {}", R.choice(["react@18.2.0", "@types/node@20.1.4", "left-pad@1.3.0", "vue@next"])),
    lambda: ("thanks {} !", R.choice(["@anna", "@team_ops", "user@localhost", "logo@2x.png", "icon@3x.svg"])),
    lambda: ("at {} sharp", f"{R.randint(0, 23)}:{R.randint(0, 59):02d}:{R.randint(0, 59):02d}.{R.randint(0, 999):03d}"),
    lambda: ("IMEI {}", (lambda b: b + luhn.calc_check_digit(b))("35" + digits(12))),
    lambda: ("part {}", f"{digits(4, 7)}-{digits(3)}-{digits(2)}"),
    lambda: ("SKU {}", f"{R.choice('ABCDEFG')}{digits(7)}-{R.choice('XYZ')}"),
    lambda: ("range {}", f"{R.randint(1000, 9999)}-{R.randint(1000, 9999)}"),
    lambda: ("oid {}", "1.3.6.1.4.1." + str(R.randint(1, 99999))),
    lambda: ("score {} of them", f"{R.randint(0, 100)} / {R.randint(100, 999)}"),
    lambda: ("size {} px", f"{R.randint(100, 4000)}x{R.randint(100, 4000)}"),
    lambda: ("flight {} at gate 12", f"{R.choice(['LH', 'BA', 'AF'])}{R.randint(100, 9999)}"),
    lambda: ("the value is {}", f"{R.uniform(0, 1):.12f}"),
    lambda: ("BIC {}", R.choice(["COBADEFFXXX", "DEUTDEDB110", "BNPAFRPPXXX"])),
    lambda: ("row {}", ",".join(str(R.randint(0, 9999)) for _ in range(8))),
]


def negatives():
    for make in NEGATIVES:
        for _ in range(50):
            template, value = make()
            add(template, value, None)
    checked = {k: v for k, v in MAKERS.items() if k not in ("email", "ip", "us_ssn")}
    for kind, make in checked.items():
        for _ in range(40):
            add(R.choice(["Order {} arrived", "{}", "value {} was refused"]), wrong(make()), None)
    for bad in ["000-12-3456", "666-12-3456", "900-12-3456", "123-00-4567", "123-45-0000", "078-05-1120"]:
        add("SSN {}", bad, None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "set.jsonl"))
    arguments = parser.parse_args()
    positives()
    negatives()
    with open(arguments.out, "w", encoding="utf-8") as out:
        for line in LINES:
            out.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(f"{arguments.out}: {len(LINES)} texts")


if __name__ == "__main__":
    main()
