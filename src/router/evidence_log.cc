#include <algorithm>

#include "switchyard/base/bytes.h"
#include "switchyard/log/kept_log.h"
#include "switchyard/router/evidence.h"

namespace switchyard::router {
namespace {

constexpr uint8_t kRecordVersion = 1;

log::KeptRecord record_of(EvidencePart part, std::string_view route, std::string_view bytes) {
  log::KeptRecord record{static_cast<uint8_t>(part), {}};
  ByteWriter writer(record.payload);
  writer.bytes(route);
  writer.raw(bytes);
  return record;
}

class KeptEvidence final : public EvidenceLog {
 public:
  KeptEvidence(std::unique_ptr<log::Log> log, const runtime::Clock& clock)
      : log_(std::move(log), clock, kRecordVersion) {}

  Status recover() {
    const auto take = [this](uint8_t type, std::string_view payload) {
      ByteReader reader(payload);
      const std::string_view route = reader.bytes();
      if (type < 1 || type > 3 || !reader.ok()) return false;
      kept_[std::string(route)][static_cast<EvidencePart>(type)] = payload.substr(reader.position());
      return true;
    };
    SY_RETURN_IF_ERROR(log_.read(take, "router.bad_evidence", "the log of evidence"));
    return rewrite();
  }

  const std::map<std::string, RouteEvidence, std::less<>>& kept() const override { return kept_; }

  Status keep(std::vector<Evidence> changed) override {
    std::vector<log::KeptRecord> records;
    for (Evidence& each : changed) {
      records.push_back(record_of(each.part, each.route, each.bytes));
      kept_[each.route][each.part] = std::move(each.bytes);
    }
    SY_RETURN_IF_ERROR(log_.append(records));
    return log_.large() ? rewrite() : Status{};
  }

  void retain(const std::vector<std::string>& routes) override {
    std::erase_if(kept_, [&](const auto& each) {
      return std::find(routes.begin(), routes.end(), each.first) == routes.end();
    });
  }

  Status close() override { return log_.close(); }

 private:
  Status rewrite() {
    std::vector<log::KeptRecord> records;
    for (const auto& [route, parts] : kept_)
      for (const auto& [part, bytes] : parts) records.push_back(record_of(part, route, bytes));
    return log_.rewrite(records);
  }

  log::KeptLog log_;
  std::map<std::string, RouteEvidence, std::less<>> kept_;
};

}  // namespace

Result<std::unique_ptr<EvidenceLog>> EvidenceLog::open(std::unique_ptr<log::Log> log,
                                                       const runtime::Clock& clock) {
  auto evidence = std::make_unique<KeptEvidence>(std::move(log), clock);
  SY_RETURN_IF_ERROR(evidence->recover());
  return std::unique_ptr<EvidenceLog>(std::move(evidence));
}

}  // namespace switchyard::router
