#include "switchyard/blobs/payload_store.h"

#include <vector>

namespace switchyard::blobs {
namespace {

constexpr std::string_view kLeftOver = ".new";

Error broken(std::string code, const std::string& path, const std::string& what) {
  return make_error(ErrorKind::kCorruption, std::move(code),
                    "the payload file " + path + " " + what + "; bring it back from a backup");
}

}  // namespace

Result<std::unique_ptr<PayloadStore>> PayloadStore::open(runtime::Disk& disk, std::string directory) {
  SY_RETURN_IF_ERROR(disk.create_directories(directory));
  SY_ASSIGN_OR_RETURN(const auto folders, disk.list(directory));
  for (const std::string& folder : folders) {
    SY_ASSIGN_OR_RETURN(const auto names, disk.list(directory + "/" + folder));
    for (const std::string& name : names) {
      if (name.ends_with(kLeftOver)) SY_RETURN_IF_ERROR(disk.remove(directory + "/" + folder + "/" + name));
    }
  }
  return std::unique_ptr<PayloadStore>(new PayloadStore(disk, std::move(directory)));
}

std::string PayloadStore::path_of(const Sha256& sha256) const {
  const std::string name = to_hex(sha256);
  return directory_ + "/" + name.substr(0, 2) + "/" + name;
}

Sha256 PayloadStore::stage(std::string_view content) {
  const Sha256 name = sha256(content);
  std::lock_guard lock(mutex_);
  if (marking_) since_mark_.insert(name);
  auto& staged = staged_[name];
  if (staged == nullptr) {
    staged = std::make_shared<const std::string>(content);
    stats_.staged_bytes += content.size();
  }
  return name;
}

bool PayloadStore::has_staged() const {
  std::lock_guard lock(mutex_);
  return !staged_.empty();
}

Status PayloadStore::sync() {
  while (true) {
    Sha256 name;
    std::shared_ptr<const std::string> content;
    {
      std::lock_guard lock(mutex_);
      if (staged_.empty()) return {};
      name = staged_.begin()->first;
      content = staged_.begin()->second;
    }
    // Staged names are never swept, so what exists now stays.
    const std::string path = path_of(name);
    SY_ASSIGN_OR_RETURN(const bool known, disk_.exists(path));
    if (!known) {
      SY_RETURN_IF_ERROR(disk_.create_directories(path.substr(0, path.rfind('/'))));
      SY_RETURN_IF_ERROR(runtime::write_file_durably(disk_, path, *content));
    }
    std::lock_guard lock(mutex_);
    stats_.staged_bytes -= content->size();
    staged_.erase(name);
    if (known) {
      ++stats_.shared;
    } else {
      ++stats_.written;
      stats_.written_bytes += content->size();
    }
  }
}

Result<std::string> PayloadStore::load(const Sha256& sha256, uint64_t bytes) const {
  {
    std::lock_guard lock(mutex_);
    if (const auto staged = staged_.find(sha256); staged != staged_.end()) return *staged->second;
  }
  const std::string path = path_of(sha256);
  if (bytes > kMaxPayloadBytes) return broken("blobs.damaged", path, "is said to be larger than any may be");
  auto content = runtime::read_file(disk_, path, kMaxPayloadBytes);
  if (!content.ok()) {
    if (content.error().kind != ErrorKind::kNotFound) return content;
    return broken("blobs.missing", path, "with " + std::to_string(bytes) + " bytes is missing");
  }
  if (content->size() != bytes || switchyard::sha256(*content) != sha256)
    return broken("blobs.damaged", path, "does not hold what its name says");
  return content;
}

void PayloadStore::begin_mark() {
  std::lock_guard lock(mutex_);
  marking_ = true;
  since_mark_.clear();
}

Result<uint64_t> PayloadStore::sweep(const std::set<Sha256>& needed) {
  uint64_t removed = 0;
  SY_ASSIGN_OR_RETURN(const auto folders, disk_.list(directory_));
  for (const std::string& folder : folders) {
    SY_ASSIGN_OR_RETURN(const auto names, disk_.list(directory_ + "/" + folder));
    for (const std::string& name : names) {
      Sha256 sha256{};
      if (!from_hex(name, sha256) || needed.contains(sha256)) continue;
      // Held while the file goes: a value staged meanwhile finds it gone and writes it again.
      std::lock_guard lock(mutex_);
      SY_CHECK(marking_);
      if (staged_.contains(sha256) || since_mark_.contains(sha256)) continue;
      SY_RETURN_IF_ERROR(disk_.remove(path_of(sha256)));
      ++removed;
      ++stats_.removed;
    }
  }
  std::lock_guard lock(mutex_);
  marking_ = false;
  since_mark_.clear();
  return removed;
}

Result<bool> PayloadStore::empty() const {
  SY_ASSIGN_OR_RETURN(const auto folders, disk_.list(directory_));
  for (const std::string& folder : folders) {
    SY_ASSIGN_OR_RETURN(const auto names, disk_.list(directory_ + "/" + folder));
    if (!names.empty()) return false;
  }
  return true;
}

PayloadStats PayloadStore::stats() const {
  std::lock_guard lock(mutex_);
  return stats_;
}

void LargeValues::written(const Value&, std::string& text, size_t at) {
  const size_t bytes = text.size() - at;
  if (bytes <= threshold_bytes_ || bytes > kMaxPayloadBytes) return;
  const Sha256 name = store_.stage(std::string_view(text).substr(at));
  text.resize(at);
  write_payload_reference(text, name, bytes);
}

}  // namespace switchyard::blobs
