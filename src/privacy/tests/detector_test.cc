#include "switchyard/privacy/detector.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace switchyard::privacy {
namespace {

/// "kind:text" of each finding, with blanks between.
std::string found(std::string_view text, std::string_view field = {}, const Kinds& wanted = Kinds().set()) {
  std::string all;
  for (const Finding& each : Detector::standard().find(text, field, wanted))
    all += (all.empty() ? "" : " | ") + std::string(kind_name(each.kind)) + ":" +
           std::string(text.substr(each.begin, each.end - each.begin));
  return all;
}

void expect_whole(std::string_view kind, std::initializer_list<std::string_view> texts) {
  for (const std::string_view text : texts)
    EXPECT_EQ(found(text), std::string(kind) + ":" + std::string(text));
}

void expect_none(std::initializer_list<std::string_view> texts) {
  for (const std::string_view text : texts) EXPECT_EQ(found(text), "") << text;
}

TEST(Detector, FindsEmailAddressesInTheirSurroundings) {
  EXPECT_EQ(found("Mail <anna.b+x@mail.example.co.uk>, or bob_1@example.org."),
            "email:anna.b+x@mail.example.co.uk | email:bob_1@example.org");
  EXPECT_EQ(found("'o'brien@example.com' and (x@y-z.museum)"),
            "email:o'brien@example.com | email:x@y-z.museum");
  EXPECT_EQ(found("?email=a@b.example&x=1"), "email:a@b.example");
  EXPECT_EQ(found("邮箱是li@example.cn，谢谢"), "email:li@example.cn");
  expect_whole("email", {"jürgen@bücher.example", "用户@例子.广告", "A@XN--BCHER-KVA.example"});
  expect_none({"@anna", "user@localhost", "react@18.2.0", "logo@2x.png", "a@b.c", "a..b@example.com",
               "a@-b.com", "@"});
}

// 555-01xx is kept free by the North American Numbering Plan, 020 7946 0xxx and 07700 900xxx by Ofcom, 030
// 23125 by the Bundesnetzagentur, 01 99 00 by Arcep, 5550 and 1570 by ACMA, all for drama.
TEST(Detector, FindsTelephoneNumbersAsCountriesWriteThem) {
  expect_whole("phone", {"+1 212-555-0123", "+442079460018", "+49 (0)30 23125 123", "+33 1 99 00 12 34",
                         "0049 30 23125123", "(212) 555-0123", "212-555-0123", "1-800-555-0199",
                         "212.555.0123", "020 7946 0018", "07700 900123", "030 / 23125 123", "01 99 00 12 34",
                         "01.99.00.12.34", "(02) 5550 1234", "(11) 91234-5678"});
  EXPECT_EQ(found("Tel. 2125550123, mobile: 612 345 678"), "phone:2125550123 | phone:612 345 678");
  EXPECT_EQ(found("030 23125123 0171 3920000"), "phone:030 23125123 | phone:0171 3920000");
  EXPECT_EQ(found("我的电话是13800138000"), "phone:13800138000");
  EXPECT_EQ(found("2125550123", "customerPhone"), "phone:2125550123");
  expect_none({"2125550123", "+999 123456789", "211-555-0123", "+1 555", "31.12.2024 10",
               "2024-01-15 10:30:00", "call me at 10:30 on 01.02.2024", "phone 0000000000",
               "$2,125,550,123.00"});
}

// Numbers for tests that Stripe, Adyen and the schemes publish.
TEST(Detector, FindsCardsOfEachScheme) {
  expect_whole("card",
               {"4242424242424242", "5555555555554444", "2223003122003222", "378282246310005",
                "6011111111111117", "3056930009020004", "3566002020360505", "6200000000000005",
                "4242 4242 4242 4242", "4242-4242-4242-4242", "3782 822463 10005", "6304000000000000"});
  expect_none({"4242424242424241", "1234567890123452", "4242 4242-4242 4242", "0000000000000000"});
}

// The examples of the IBAN Registry.
TEST(Detector, FindsAccountNumbersWithTheirCountrysLength) {
  expect_whole("iban", {"GB29NWBK60161331926819", "DE89370400440532013000", "FR1420041010050500013M02606",
                        "NO9386011117947", "MT84MALT011000012345MTLCAST001S", "DE89 3704 0044 0532 0130 00",
                        "gb29nwbk60161331926819", "BE68 5390 0754 7034"});
  EXPECT_EQ(found("BE68 5390 0754 7034 BANK"), "iban:BE68 5390 0754 7034");
  expect_none({"DE88370400440532013000", "DE8937040044053201300", "ZZ89370400440532013000"});
}

// Addresses for documentation: RFC 5737, RFC 3849.
TEST(Detector, FindsInternetAddresses) {
  expect_whole("ip", {"192.0.2.1", "2001:db8::1", "2001:db8:0:0:8:800:200c:417a", "::ffff:192.0.2.128",
                      "fe80::1ff:fe23:4567:890a"});
  EXPECT_EQ(found("http://192.0.2.7:8080/ [2001:db8::7]:443 10.0.0.0/8"),
            "ip:192.0.2.7 | ip:2001:db8::7 | ip:10.0.0.0");
  expect_none({"256.1.1.1", "1.2.3.4.5", "version 1.2.3.4", "01.2.3.4", "std::vector", "a::b", "dead::beef",
               "00:1A:2B:3C:4D:5E", "12:30:45", "1.2.3"});
}

// Social Security Administration: 219-09-9999 is an advertisement's, areas 000, 666 and 9xx are never given.
TEST(Detector, FindsSocialSecurityNumbers) {
  expect_whole("us_ssn", {"536-22-1234", "001 01 0001"});
  EXPECT_EQ(found("SSN 536221234"), "us_ssn:536221234");
  expect_none({"536221234", "SSN 219-09-9999", "000-12-3456", "666-12-3456", "912-12-3456", "123-00-4567",
               "123-45-0000"});
}

// Each is an example of the authority named in national.cc, or of python-stdnum's documentation.
TEST(Detector, FindsNationalIdentifiersByTheirCheckDigits) {
  expect_whole("de_steuer_id", {"86 095 742 719", "36574261809"});
  expect_whole("fr_nir", {"2 55 08 14 168 025 38", "295109912611193"});
  expect_whole("es_dni", {"12345678Z", "12.345.678-Z", "X1234567L", "X-1234567-L"});
  expect_whole("it_codice_fiscale", {"RSSMRA85T10A562S", "RSS MRA 85T10 A562S"});
  EXPECT_EQ(found("NHS number 943 476 5919"), "gb_nhs:943 476 5919");
  EXPECT_EQ(found("BSN 111222333"), "nl_bsn:111222333");
  expect_whole("nl_bsn", {"1112.22.333"});
  expect_whole("pl_pesel", {"44051401359"});
  expect_whole("br_cpf", {"529.982.247-25", "111.444.777-35"});
  expect_whole("in_aadhaar", {"9999 4105 7058", "2341-2341-2346"});
  expect_whole("se_personnummer", {"811218-9876", "19640823-3234"});
  expect_whole("no_fodselsnummer", {"151086 95088", "15108695088"});
  expect_whole("fi_hetu", {"131052-308T"});
  expect_whole("be_national_number", {"85.07.30-033.28"});
  expect_whole("ch_ahv", {"756.9217.0769.85", "7569217076985"});
  expect_whole("cn_resident_id", {"11010519491231002X", "440524188001010014"});
}

TEST(Detector, RefusesIdentifiersWithAWrongCheckDigit) {
  expect_none({"86 095 742 718", "2 55 08 14 168 025 39", "12345678A", "X1234567M", "RSSMRA85T10A562T",
               "NHS number 9434765918", "BSN 111222334", "44051401358", "529.982.247-26", "9999 4105 7059",
               "811218-9875", "151086 95089", "131052-308U", "85.07.30-033.29", "756.9217.0769.84",
               "110105194912310021", "111.111.111-11"});
}

TEST(Detector, LetsTheNearestTellingWordDecide) {
  EXPECT_EQ(found("943 476 5919"), "phone:943 476 5919");  // both shapes: more often a telephone
  EXPECT_EQ(found("call 943 476 5919"), "phone:943 476 5919");
  EXPECT_EQ(found("order 44051401359"), "");
  EXPECT_EQ(found("Order no. 44051401359"), "");
  EXPECT_EQ(found("Where is my order? 44051401359 is my number"), "pl_pesel:44051401359");
  EXPECT_EQ(found("my phone broke, order 2125550123"), "");
  EXPECT_EQ(found("order 7, phone 2125550123"), "phone:2125550123");
}

TEST(Detector, TakesTheLongerOfTwoThatOverlap) {
  EXPECT_EQ(found("+49 30 23125 123 4242 4242 4242 4242"),
            "phone:+49 30 23125 123 | card:4242 4242 4242 4242");
  EXPECT_EQ(found("id 550e8400-e29b-41d4-a716-446655440000"), "");
  EXPECT_EQ(found("mail 4242424242424242@example.com"), "email:4242424242424242@example.com");
}

TEST(Detector, FindsOnlyWhatIsWanted) {
  Kinds wanted;
  wanted.set(static_cast<size_t>(Kind::kCard));
  EXPECT_EQ(found("a@b.example 4242424242424242 192.0.2.1", {}, wanted), "card:4242424242424242");
  EXPECT_EQ(found("4242424242424242", {}, Kinds()), "");
}

TEST(Detector, SeesThroughOtherDigitsBlanksAndCharactersWithoutWidth) {
  expect_whole("card", {"４２４２４２４２４２４２４２４２", "4242\u00a04242\u202f4242\u00a04242",
                        "42424242\u200b42424242", "4242\u20114242\u20114242\u20114242", "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢",
                        "४२४२४२४२४२४२४२४२"});
  EXPECT_EQ(found("“anna＠example．com”"), "email:anna＠example．com");
}

TEST(Detector, TakesAnyBytes) {
  EXPECT_EQ(found("\xff\xfe a@b.example \xc3"), "email:a@b.example");
  EXPECT_EQ(found(std::string("\0 4242424242424242 \0", 20)), "card:4242424242424242");
  std::mt19937 random(7);
  const std::string_view alphabet = "0123456789+-./() @:abXZ\xc3\xa9\xef\xbc\x91\xff";
  for (int i = 0; i < 3000; ++i) {
    std::string text;
    for (size_t n = random() % 200; n > 0; --n) text += alphabet[random() % alphabet.size()];
    uint32_t at = 0;
    for (const Finding& each : Detector::standard().find(text, {}, Kinds().set())) {
      ASSERT_LE(at, each.begin);
      ASSERT_LT(each.begin, each.end);
      ASSERT_LE(each.end, text.size());
      at = each.end;
    }
  }
}

}  // namespace
}  // namespace switchyard::privacy
