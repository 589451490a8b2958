#include "switchyard/gateway/keys.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "switchyard/base/hash.h"
#include "switchyard/gateway/limits.h"

namespace switchyard::gateway {
namespace {

class SetClock final : public runtime::Clock {
 public:
  int64_t now_us() const override { return now; }
  int64_t monotonic_us() const override { return now; }
  int64_t now = 1'700'000'000'123'456;
};

class Keys : public ::testing::Test {
 protected:
  Keys() {
    std::string pattern = (std::filesystem::temp_directory_path() / "switchyard-keys-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = folder_ + "/keys.json";
  }
  ~Keys() override { std::filesystem::remove_all(folder_); }
  std::unique_ptr<KeyStore> open() { return KeyStore::open(path_, clock_).value(); }
  std::string file() const {
    std::stringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }
  void write_file(const std::string& text) {
    std::ofstream(path_) << text;
    ::chmod(path_.c_str(), 0600);
  }
  SetClock clock_;
  std::string folder_, path_;
};

TEST_F(Keys, LetsInTheKeysItMadeAndNoOthers) {
  const auto store = open();
  const NewKey key = store->create("terminal", {Role::kViewer, Role::kReviewer}).value();
  const std::string text = key.text.reveal();
  EXPECT_TRUE(text.starts_with("sy_" + key.info.id + "_"));
  const Caller caller = store->authenticate(text).value();
  EXPECT_EQ(caller.key_id, key.info.id);
  EXPECT_EQ(caller.name, "terminal");
  EXPECT_TRUE(caller.may(Permission::kReviewsAnswer));
  EXPECT_TRUE(caller.may(Permission::kDecisionsRead));
  EXPECT_FALSE(caller.may(Permission::kDecisionsStart));
  for (size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = other[i] == 'a' ? 'b' : 'a';
    EXPECT_EQ(store->authenticate(other).error().code, "gateway.bad_key") << i;
  }
  for (const std::string& other : {std::string(), text.substr(0, text.size() - 1), text + "a",
                                   std::string("sy__"), std::string(10'000, 'a')})
    EXPECT_EQ(store->authenticate(other).error().kind, ErrorKind::kUnauthenticated);
}

TEST_F(Keys, KeepsHashesNotKeysInAFileOnlyItsOwnerMayRead) {
  const auto store = open();
  const NewKey key = store->create("terminal", {Role::kAdmin}).value();
  const std::string text = key.text.reveal();
  EXPECT_EQ(file().find(text.substr(text.size() - 43)), std::string::npos);
  EXPECT_NE(file().find(to_hex(sha256(text))), std::string::npos);
  struct stat facts {};
  ASSERT_EQ(::stat(path_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  const auto again = open();
  EXPECT_EQ(again->authenticate(text).value().key_id, key.info.id);
}

TEST_F(Keys, BringsEverythingBackFromTheFile) {
  clock_.now = 1'700'000'000'123'456;
  std::vector<KeyInfo> before;
  {
    const auto store = open();
    store->create("näme \"quoted\"", {Role::kDeveloper, Role::kAuditor}, clock_.now + 1).value();
    const auto second = store->create("other", {Role::kOperator}, 0, "acme-europe").value();
    store->revoke(second.info.id).value();
    before = store->list();
  }
  const auto after = open()->list();
  ASSERT_EQ(after.size(), 2u);
  for (size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(after[i].id, before[i].id);
    EXPECT_EQ(after[i].name, before[i].name);
    EXPECT_EQ(after[i].roles, before[i].roles);
    EXPECT_EQ(after[i].created_us, before[i].created_us);
    EXPECT_EQ(after[i].expires_us, before[i].expires_us);
    EXPECT_EQ(after[i].revoked_us, before[i].revoked_us);
    EXPECT_EQ(after[i].tenant, before[i].tenant);
  }
}

TEST_F(Keys, RefusesExpiredAndRevokedKeysAndSaysSoToTheirOwnersOnly) {
  const auto store = open();
  const NewKey expiring = store->create("a", {Role::kViewer}, clock_.now + 1000).value();
  EXPECT_TRUE(store->authenticate(expiring.text.reveal()).ok());
  clock_.now += 1000;
  EXPECT_EQ(store->authenticate(expiring.text.reveal()).error().code, "gateway.key_expired");
  const NewKey revoked = store->create("b", {Role::kViewer}).value();
  store->revoke(revoked.info.id).value();
  EXPECT_EQ(store->authenticate(revoked.text.reveal()).error().code, "gateway.key_revoked");
  EXPECT_EQ(store->authenticate("sy_" + revoked.info.id + "_" + std::string(43, 'a')).error().code,
            "gateway.bad_key");
  EXPECT_EQ(store->revoke("nobody").error().code, "gateway.no_such_key");
}

TEST_F(Keys, LearnsWhatAnotherProcessChanged) {
  const auto server = open();
  const auto command_line = open();
  const NewKey key = command_line->create("made elsewhere", {Role::kViewer}).value();
  EXPECT_FALSE(server->authenticate(key.text.reveal()).ok());
  server->refresh().value();
  EXPECT_TRUE(server->authenticate(key.text.reveal()).ok());
  const NewKey own = server->create("made here", {Role::kViewer}).value();
  command_line->revoke(key.info.id).value();  // keeps what it had not seen yet
  server->refresh().value();
  EXPECT_EQ(server->authenticate(key.text.reveal()).error().code, "gateway.key_revoked");
  EXPECT_TRUE(server->authenticate(own.text.reveal()).ok());
}

TEST_F(Keys, LosesNoKeyWhenManyAreMadeAtOnce) {
  const auto first = open();
  const auto second = open();
  std::vector<std::thread> threads;
  for (KeyStore* store : {first.get(), second.get()})
    for (int t = 0; t < 2; ++t)
      threads.emplace_back([store] {
        for (int i = 0; i < 10; ++i) {
          const NewKey key = store->create("k", {Role::kViewer}).value();
          EXPECT_TRUE(store->authenticate(key.text.reveal()).ok());
        }
      });
  for (auto& thread : threads) thread.join();
  const auto all = open()->list();
  std::set<std::string> ids;
  for (const auto& info : all) ids.insert(info.id);
  EXPECT_EQ(ids.size(), 40u);
}

TEST_F(Keys, RefusesAFileThatOthersMayRead) {
  open()->create("a", {Role::kAdmin}).value();
  ::chmod(path_.c_str(), 0640);
  const auto opened = KeyStore::open(path_, clock_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, "gateway.open_key_file");
}

TEST_F(Keys, NamesWhatIsWrongWithAFileAndKeepsTheKeysItHad) {
  const auto store = open();
  const NewKey key = store->create("a", {Role::kAdmin}).value();
  const std::string good = file();
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"\"version\": 1", "\"version\": 3"},
                                                        {"\"keys\"", "\"kys\""},
                                                        {"\"admin\"", "\"king\""},
                                                        {"\"roles\": [\"admin\"]", "\"roles\": []"},
                                                        {"\"sha256\": \"", "\"sha256\": \"zz"},
                                                        {"\"created\": \"", "\"created\": \"x"},
                                                        {"]\n}", "]"}}) {
    std::string bad = good;
    ASSERT_NE(bad.find(from), bad.npos) << from;
    bad.replace(bad.find(from), from.size(), to);
    write_file(bad);
    const auto opened = KeyStore::open(path_, clock_);
    ASSERT_FALSE(opened.ok()) << from;
    EXPECT_EQ(opened.error().code, "gateway.bad_key_file") << from;
    EXPECT_NE(opened.error().message.find(path_), std::string::npos);
    EXPECT_FALSE(store->refresh().ok()) << from;
    EXPECT_TRUE(store->authenticate(key.text.reveal()).ok()) << from;
  }
}

TEST_F(Keys, TellWhoseWorkACallerStarts) {
  const auto store = open();
  const auto acme = store->create("a", {Role::kDeveloper}, 0, "acme").value();
  const auto plain = store->create("b", {Role::kDeveloper}, 0, "default").value();
  EXPECT_EQ(store->authenticate(acme.text.reveal())->tenant, "acme");
  EXPECT_EQ(store->authenticate(plain.text.reveal())->tenant, "");
}

TEST_F(Keys, RefusesNamesAndExpiriesThatHelpNobody) {
  const auto store = open();
  EXPECT_EQ(store->create("", {Role::kViewer}).error().code, "gateway.bad_key_name");
  EXPECT_EQ(store->create("a\nb", {Role::kViewer}).error().code, "gateway.bad_key_name");
  EXPECT_EQ(store->create(std::string(101, 'a'), {Role::kViewer}).error().code, "gateway.bad_key_name");
  EXPECT_EQ(store->create("a", {}).error().code, "gateway.unknown_role");
  EXPECT_EQ(store->create("a", {Role::kViewer}, 0, "Acme").error().code, "gateway.bad_tenant");
  EXPECT_EQ(store->create("a", {Role::kViewer}, 0, std::string(65, 'a')).error().code, "gateway.bad_tenant");
  EXPECT_EQ(store->create("a", {Role::kViewer}, clock_.now).error().code, "gateway.bad_expiry");
}

TEST_F(Keys, KeepWhatTheyMayUseInTheFile) {
  KeySpec spec{"chat", {Role::kDeveloper}, 0, "acme", {}};
  spec.policy.limits = {60, 100'000, 8};
  spec.policy.budget = {5'000'000, 99'990'000};
  spec.policy.routes = {"chat/*", "embed"};
  spec.policy.priority = Priority::kLow;
  const auto made = open()->create(spec).value();
  EXPECT_NE(file().find("\"version\": 2"), std::string::npos);
  const auto store = open();
  EXPECT_EQ(store->find(made.info.id)->policy, spec.policy);
  const Caller caller = store->authenticate(made.text.reveal()).value();
  ASSERT_NE(caller.policy, nullptr);
  EXPECT_EQ(*caller.policy, spec.policy);
  EXPECT_TRUE(caller.may_call("chat/cheap"));
  EXPECT_FALSE(caller.may_call("images"));
}

TEST_F(Keys, StayReadableByAnOlderProgramAsLongAsTheyNeedNothingNew) {
  const auto store = open();
  const NewKey key = store->create("a", {Role::kViewer}).value();
  EXPECT_NE(file().find("\"version\": 1"), std::string::npos);
  const Caller caller = store->authenticate(key.text.reveal()).value();
  EXPECT_EQ(caller.policy, nullptr);
  EXPECT_TRUE(caller.may_call("anything"));
}

TEST_F(Keys, ChangeWhatIsNamedAndNothingElse) {
  const auto store = open();
  const NewKey key = store->create("a", {Role::kViewer}, 0, "acme").value();
  KeyChanges changes;
  changes.requests_per_minute = 10;
  changes.roles = std::vector<Role>{Role::kOperator};
  const KeyInfo changed = store->edit(key.info.id, changes).value();
  EXPECT_EQ(changed.policy.limits.requests_per_minute, 10u);
  EXPECT_EQ(changed.name, "a");
  EXPECT_EQ(changed.tenant, "acme");
  EXPECT_TRUE(store->authenticate(key.text.reveal())->may(Permission::kSwitchesWrite));
  changes = {};
  changes.concurrent = 5'000'000;
  EXPECT_EQ(store->edit(key.info.id, changes).error().code, "gateway.bad_limit");
  EXPECT_EQ(store->find(key.info.id)->policy.limits.concurrent, 0u);
  EXPECT_EQ(store->edit("nobody", {}).error().code, "gateway.no_such_key");
  store->revoke(key.info.id).value();
  EXPECT_EQ(store->edit(key.info.id, {}).error().code, "gateway.key_revoked");
}

TEST_F(Keys, RotateWithATimeInWhichBothSecretsAreGood) {
  const auto store = open();
  const NewKey first = store->create("a", {Role::kViewer}).value();
  const NewKey second = store->rotate(first.info.id, 60'000'000).value();
  EXPECT_EQ(second.info.id, first.info.id);
  EXPECT_NE(second.text.reveal(), first.text.reveal());
  const auto other = open();
  for (const auto& reader : {store.get(), other.get()}) {
    EXPECT_TRUE(reader->authenticate(first.text.reveal()).ok());
    EXPECT_TRUE(reader->authenticate(second.text.reveal()).ok());
  }
  clock_.now += 60'000'000;
  EXPECT_EQ(store->authenticate(first.text.reveal()).error().code, "gateway.key_replaced");
  EXPECT_TRUE(store->authenticate(second.text.reveal()).ok());
  const NewKey third = store->rotate(first.info.id, 0).value();
  EXPECT_FALSE(store->authenticate(second.text.reveal()).ok());
  EXPECT_EQ(store->authenticate(first.text.reveal()).error().code, "gateway.bad_key");  // two before
  EXPECT_TRUE(store->authenticate(third.text.reveal()).ok());
  EXPECT_EQ(store->rotate(first.info.id, kMaxRotationGraceUs + 1).error().code, "gateway.bad_grace");
  EXPECT_EQ(store->rotate("nobody", 0).error().code, "gateway.no_such_key");
  store->revoke(first.info.id).value();
  EXPECT_EQ(store->rotate(first.info.id, 0).error().code, "gateway.key_revoked");
}

TEST(PresentedKey, IsTakenFromEitherHeader) {
  EXPECT_EQ(presented_key("Bearer abc", ""), "abc");
  EXPECT_EQ(presented_key("bearer  abc", "other"), "abc");
  EXPECT_EQ(presented_key("", "abc"), "abc");
  EXPECT_EQ(presented_key("Basic abc", ""), "");
  EXPECT_EQ(presented_key("Bearer ", ""), "");
  EXPECT_EQ(presented_key("Bearer " + std::string(kMaxPresentedKeyBytes + 1, 'a'), ""), "");
}

TEST(Permissions, GrantEachRoleWhatItsWorkNeedsAndNoMore) {
  const auto may = [](Role role, Permission permission) {
    return (permissions_of(role) & bit(permission)) != 0;
  };
  for (size_t p = 0; p < kPermissionCount; ++p) EXPECT_TRUE(may(Role::kAdmin, static_cast<Permission>(p)));
  for (size_t r = 0; r < kRoleCount; ++r) {
    const auto role = static_cast<Role>(r);
    EXPECT_TRUE(may(role, Permission::kNone));
    EXPECT_EQ(may(role, Permission::kKeysManage), role == Role::kAdmin);
    EXPECT_EQ(may(role, Permission::kReviewsAnswer), role == Role::kReviewer || role == Role::kAdmin);
    EXPECT_EQ(may(role, Permission::kSwitchesWrite), role == Role::kOperator || role == Role::kAdmin);
    EXPECT_EQ(may(role, Permission::kRetentionWrite), role == Role::kOperator || role == Role::kAdmin);
    EXPECT_EQ(may(role, Permission::kWorkersPoll), role == Role::kWorker || role == Role::kAdmin);
    EXPECT_EQ(may(role, Permission::kDeploymentsWrite), role == Role::kDeveloper || role == Role::kAdmin);
    EXPECT_EQ(role_from(role_name(role)).value(), role);
  }
  for (const Permission changes :
       {Permission::kDecisionsStart, Permission::kDecisionsCancel, Permission::kReviewsManage})
    EXPECT_FALSE(may(Role::kAuditor, changes)) << permission_name(changes);
  EXPECT_EQ(roles_with(Permission::kSwitchesWrite), "operator or admin");
}

TEST(Permissions, ReadRolesFromText) {
  EXPECT_EQ(roles_from("viewer,reviewer,viewer").value(),
            (std::vector<Role>{Role::kViewer, Role::kReviewer}));
  const auto unknown = roles_from("viewer,king");
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.error().message.find("auditor"), std::string::npos);
  EXPECT_FALSE(roles_from("").ok());
  EXPECT_FALSE(roles_from("viewer,").ok());
}

}  // namespace
}  // namespace switchyard::gateway
