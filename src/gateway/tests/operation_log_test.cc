#include "switchyard/gateway/operation_log.h"

#include <gtest/gtest.h>

#include "switchyard/log/memory_log.h"

namespace switchyard::gateway {
namespace {

constexpr PartitionId kPartition{4099};

class OperationLogTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<OperationLog>> open() {
    operations_.reset();
    return OperationLog::open(logs_->acquire(kPartition).value(), runtime::system_clock());
  }
  void reopen() { operations_ = open().value(); }
  std::string kept() const {
    std::string text;
    for (const auto& [id, operation] : operations_->kept())
      text += id + "=" + operation.kind + ":" + operation.state + " ";
    return text;
  }

  std::unique_ptr<log::Logs> logs_ = log::MemoryLogs::create();
  std::unique_ptr<OperationLog> operations_;
};

TEST_F(OperationLogTest, AfterARestartTheLastStateOfEachIsThereAndWhatWasForgottenIsNot) {
  reopen();
  ASSERT_TRUE(operations_->keep("1", {"bulk", "{}"}).ok());
  ASSERT_TRUE(operations_->keep("2", {"migration", "{}"}).ok());
  ASSERT_TRUE(operations_->keep("1", {"bulk", R"({"matched":500})"}).ok());
  ASSERT_TRUE(operations_->keep("3", {"bulk", "{}"}).ok());
  ASSERT_TRUE(operations_->forget("3").ok());
  ASSERT_TRUE(operations_->forget("unknown").ok());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(kept(), R"(1=bulk:{"matched":500} 2=migration:{} )");
    reopen();
  }
  operations_.reset();
}

TEST_F(OperationLogTest, IsWrittenAnewBeforeItGrowsWithoutEnd) {
  reopen();
  const std::string state = "\"" + std::string(500'000, 'x') + "\"";
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(operations_->keep("1", {"bulk", state}).ok());
  operations_.reset();
  const auto log = logs_->acquire(kPartition).value();
  EXPECT_LT(log->durable_end().value - log->first_offset().value, 2 * log::kRewriteKeptBytes);
  EXPECT_TRUE(log->close().ok());
}

TEST_F(OperationLogTest, ARecordThatIsNoneOfItsOwnIsToldAndNothingIsLost) {
  reopen();
  ASSERT_TRUE(operations_->keep("1", {"bulk", "{}"}).ok());
  operations_.reset();
  {
    log::KeptLog other(logs_->acquire(kPartition).value(), runtime::system_clock(), 2);
    ASSERT_TRUE(other.append({{1, "later"}}).ok());
    ASSERT_TRUE(other.close().ok());
  }
  const auto refused = open();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, "operations.bad_log");
  EXPECT_EQ(refused.error().kind, ErrorKind::kCorruption);
}

}  // namespace
}  // namespace switchyard::gateway
