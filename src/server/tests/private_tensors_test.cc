// What of a model's own tensors leaves under a privacy policy.
#include "../private_tensors.h"

#include <gtest/gtest.h>

#include <cstring>

#include "switchyard/document/document.h"
#include "switchyard/models/tensors.h"
#include "switchyard/types/json.h"

namespace switchyard::server {
namespace {

using models::ElementType;
using models::TensorView;

class PrivateTensors : public ::testing::Test {
 protected:
  static std::shared_ptr<privacy::Policy> policy(const std::string& body) {
    const auto parsed = document::parse("privacy: p@1.0.0\n" + body, "p.yaml");
    auto outcome = privacy::compile(*parsed.root, "p.yaml");
    EXPECT_NE(outcome.policy, nullptr);
    outcome.policy->name = "p";
    outcome.policy->version = "1.0.0";
    return outcome.policy;
  }
  void add_texts(const char* name, std::initializer_list<Value> texts) {
    ListBuilder list(*arena);
    for (const Value& text : texts) list.add(text);
    tensors.push_back(
        {name, ElementType::kString, {static_cast<int64_t>(texts.size())}, {}, list.build().items()});
  }
  void add_numbers(const char* name, std::initializer_list<int64_t> numbers) {
    std::string bytes(numbers.size() * sizeof(int64_t), '\0');
    std::memcpy(bytes.data(), numbers.begin(), bytes.size());
    tensors.push_back(
        {name, ElementType::kInt64, {static_cast<int64_t>(numbers.size())}, arena->copy(bytes), {}});
  }
  Result<privacy::Reduced> apply(const std::string& body) {
    const std::string_view wanted[] = {"label"};
    const Document input = models::make_tensor_document("inputs", tensors, wanted, arena);
    return apply_to_tensors(*policy(body), input.root(), nullptr);
  }
  /// The elements that left of the first tensor.
  static std::string first_of(const privacy::Reduced& reduced) {
    return to_json(*reduced.document->at_pointer("/$tensors/inputs/0/data"));
  }

  std::shared_ptr<Arena> arena = std::make_shared<Arena>(256);
  std::vector<TensorView> tensors;
};

TEST_F(PrivateTensors, TextsAreReducedAndTheRestLeavesAsItIs) {
  add_texts("text", {Value::string("from erika@example.org"), Value::bytes("to max@example.org")});
  add_numbers("length", {22, 18});
  const auto reduced = apply("detect: { email: mask }\n");
  ASSERT_TRUE(reduced.ok()) << reduced.error().to_string();
  Arena again;
  const auto sent = models::read_tensors(reduced->document.root(), "inputs", again);
  ASSERT_TRUE(sent.ok()) << sent.error().to_string();
  EXPECT_EQ(sent->at(0).strings[0].as_string(), "from *****@*******.***");
  EXPECT_EQ(sent->at(0).strings[1].as_bytes(), "to ***@*******.***");
  EXPECT_EQ(sent->at(1).bytes, tensors[1].bytes);
  EXPECT_EQ(models::wanted_outputs(reduced->document.root())->size(), 1u);
  EXPECT_EQ(reduced->report.count("email", privacy::Action::kMask), 2u);
}

TEST_F(PrivateTensors, AFieldOfThePolicyMeansTheTensorOfItsName) {
  add_texts("card_holder", {Value::string("Erika")});
  const auto masked = apply("fields: { card_holder: mask }\n");
  ASSERT_TRUE(masked.ok()) << masked.error().to_string();
  EXPECT_EQ(first_of(*masked), R"(["*****"])");
  EXPECT_EQ(apply("fields: { card_holder: drop }\n").error().code, "privacy.tensor_stays");
  EXPECT_TRUE(apply("allow: [card_holder]\n").ok());
  EXPECT_EQ(apply("allow: [amount]\n").error().code, "privacy.tensor_stays");
}

TEST_F(PrivateTensors, NumbersLeaveAsTheyAreOrNotAtAll) {
  add_numbers("amount", {3, 12});
  EXPECT_TRUE(apply("detect: { card: mask }\n").ok());
  EXPECT_TRUE(apply("fields: { amount: keep }\n").ok());
  EXPECT_EQ(apply("fields: { amount: mask }\n").error().code, "privacy.tensor_stays");
  add_numbers("payer", {7, 4111111111111111});
  const auto refused = apply("detect: { card: mask }\n");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, "privacy.tensor_stays");
  EXPECT_EQ(refused.error().field, "payer");
  EXPECT_TRUE(apply("detect: { card: keep }\n").ok());
}

}  // namespace
}  // namespace switchyard::server
