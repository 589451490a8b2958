#include <algorithm>
#include <utility>

#include "switchyard/base/bytes.h"
#include "switchyard/log/kept_log.h"
#include "switchyard/router/evidence.h"

namespace switchyard::router {
namespace {

constexpr uint8_t kRecordVersion = 1;

using Kept = std::map<std::string, RouteEvidence, std::less<>>;

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
    // What one keep() was told ends with how far reviews were read; without its end it counts for nothing.
    Kept begun;
    bool ended = false;
    const auto take = [&](uint8_t type, std::string_view payload) {
      ByteReader reader(payload);
      const std::string_view route = reader.bytes();
      if (type < 1 || type > 5 || !reader.ok()) return false;
      begun[std::string(route)][static_cast<EvidencePart>(type)] = payload.substr(reader.position());
      if (static_cast<EvidencePart>(type) != EvidencePart::kReviewsRead) return true;
      ended = true;
      merge(std::exchange(begun, {}));
      return true;
    };
    SY_RETURN_IF_ERROR(log_.read(take, "router.bad_evidence", "the log of evidence"));
    // Earlier versions wrote no ends.
    if (!ended) merge(std::move(begun));
    return rewrite();
  }

  const Kept& kept() const override { return kept_; }

  Status keep(std::vector<Evidence> changed) override {
    if (changed.empty() && !behind_) return {};
    Kept told;
    for (Evidence& each : changed) told[std::move(each.route)][each.part] = std::move(each.bytes);
    merge(told);
    Status appended = log_.append(records_of(behind_ ? kept_ : told));
    behind_ = !appended.ok();
    SY_RETURN_IF_ERROR(std::move(appended));
    return log_.large() ? rewrite() : Status{};
  }

  void retain(const std::vector<std::string>& routes) override {
    std::erase_if(kept_, [&](const auto& each) {
      return !each.first.empty() && std::find(routes.begin(), routes.end(), each.first) == routes.end();
    });
  }

  Status close() override { return log_.close(); }

 private:
  Status rewrite() { return log_.rewrite(records_of(kept_)); }

  void merge(const Kept& told) {
    for (const auto& [route, parts] : told)
      for (const auto& [part, bytes] : parts) kept_[route][part] = bytes;
  }

  /// With the end that they have together.
  std::vector<log::KeptRecord> records_of(const Kept& told) {
    std::vector<log::KeptRecord> records;
    for (const auto& [route, parts] : told)
      for (const auto& [part, bytes] : parts)
        if (part != EvidencePart::kReviewsRead) records.push_back(record_of(part, route, bytes));
    records.push_back(record_of(EvidencePart::kReviewsRead, {}, kept_[""][EvidencePart::kReviewsRead]));
    return records;
  }

  log::KeptLog log_;
  Kept kept_;
  bool behind_ = false;  // the log lacks some of it: it could not be written
};

}  // namespace

Result<std::unique_ptr<EvidenceLog>> EvidenceLog::open(std::unique_ptr<log::Log> log,
                                                       const runtime::Clock& clock) {
  auto evidence = std::make_unique<KeptEvidence>(std::move(log), clock);
  SY_RETURN_IF_ERROR(evidence->recover());
  return std::unique_ptr<EvidenceLog>(std::move(evidence));
}

}  // namespace switchyard::router
