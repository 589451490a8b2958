#include "switchyard/testing/simulated_disk.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "switchyard/base/check.h"

namespace switchyard::testing {

using runtime::File;
using runtime::OpenMode;

struct SimulatedDisk::Inode {
  std::string data;
  // What a crash may bring back: the content of each sector, and the size, as of the last sync.
  std::map<uint64_t, std::string> unsynced_sectors;
  uint64_t synced_size = 0;

  void remember(uint64_t from, uint64_t to) {
    for (uint64_t sector = from / kSectorBytes; sector * kSectorBytes < to; ++sector) {
      if (unsynced_sectors.contains(sector)) continue;
      std::string old(kSectorBytes, '\0');
      const uint64_t at = sector * kSectorBytes;
      if (at < synced_size && at < data.size()) {
        const uint64_t size = std::min({kSectorBytes, synced_size - at, data.size() - at});
        std::memcpy(old.data(), data.data() + at, size);
      }
      unsynced_sectors.emplace(sector, std::move(old));
    }
  }
  void write(uint64_t at, std::string_view bytes) {
    remember(at, at + bytes.size());
    if (data.size() < at + bytes.size()) data.resize(at + bytes.size(), '\0');
    std::memcpy(data.data() + at, bytes.data(), bytes.size());
  }
  void sync() {
    unsynced_sectors.clear();
    synced_size = data.size();
  }
  void crash(SeededRandom& random) {
    if (data.size() != synced_size && random.one_in(2)) data.resize(synced_size, '\0');
    for (const auto& [sector, old] : unsynced_sectors) {
      const uint64_t at = sector * kSectorBytes;
      if (at >= data.size() || random.one_in(2)) continue;
      std::memcpy(data.data() + at, old.data(), std::min<uint64_t>(kSectorBytes, data.size() - at));
    }
    sync();
  }
};

struct SimulatedDisk::State {
  explicit State(uint64_t seed) : random(seed) {}

  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  // One change of a directory that a crash may forget.
  struct NameChange {
    std::string directory;
    std::string gone;              // empty: none
    std::string come;              // empty: none
    std::shared_ptr<Inode> inode;  // of `come`
  };

  std::mutex mutex;
  SeededRandom random;
  uint64_t life = 0;  // handles of an earlier life are useless
  Names names;
  Names synced_names;
  std::vector<NameChange> unsynced_changes;
  std::set<std::string> directories{"/", "."};
  std::set<std::string> locked;
  uint64_t capacity = UINT64_MAX;
  uint64_t syncs_until_failure = 0;
  bool failed = false;
  uint64_t changes_until_death = 0;
  bool dead = false;  // the process, by die_after()
  bool ignore_syncs = false;
  Counters counters;

  /// Counts a change; true once the process is dead.
  bool dies() {
    if (changes_until_death > 0 && --changes_until_death == 0) dead = true;
    return dead;
  }
  /// Those who come next start anew.
  void bury() {
    changes_until_death = 0;
    dead = false;
  }

  uint64_t used() const {
    uint64_t sum = 0;
    for (const auto& [path, inode] : names) sum += inode->data.size();
    return sum;
  }
  static std::string parent(const std::string& path) {
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  }
  void change(std::string gone, std::string come, std::shared_ptr<Inode> inode) {
    const std::string directory = parent(come.empty() ? gone : come);
    if (!gone.empty()) names.erase(gone);
    if (!come.empty()) names[come] = inode;
    unsynced_changes.push_back({directory, std::move(gone), std::move(come), std::move(inode)});
  }
  static void replay(Names& into, const NameChange& change) {
    if (!change.gone.empty()) into.erase(change.gone);
    if (!change.come.empty()) into[change.come] = change.inode;
  }
  // The bytes by which a file may still grow.
  uint64_t room() const {
    const uint64_t in_use = used();
    return in_use >= capacity ? 0 : capacity - in_use;
  }
};

namespace {

Error dead(const std::string& path) {
  return make_error(ErrorKind::kIo, "runtime.io", path + " was opened before the simulated crash");
}
Error full(const std::string& path) {
  return make_error(ErrorKind::kNoSpace, "runtime.no_space",
                    "cannot write to " + path + ": the simulated disk is full");
}

}  // namespace

class SimulatedDisk::OpenFile final : public File {
 public:
  OpenFile(std::shared_ptr<State> state, std::string path, std::shared_ptr<Inode> inode, bool writable)
      : state_(std::move(state)),
        path_(std::move(path)),
        inode_(std::move(inode)),
        life_(state_->life),
        writable_(writable) {}

  Result<size_t> pread(uint64_t at, std::span<char> out) const override {
    std::lock_guard lock(state_->mutex);
    if (life_ != state_->life) return dead(path_);
    ++state_->counters.reads;
    if (at >= inode_->data.size()) return size_t{0};
    const size_t size = std::min<uint64_t>(out.size(), inode_->data.size() - at);
    if (size > 0) std::memcpy(out.data(), inode_->data.data() + at, size);
    return size;
  }
  Status pwrite(uint64_t at, std::string_view data) override {
    const std::string_view parts[] = {data};
    return pwritev(at, parts);
  }
  Status pwritev(uint64_t at, std::span<const std::string_view> parts) override {
    std::lock_guard lock(state_->mutex);
    if (life_ != state_->life || state_->failed || state_->dies()) return dead(path_);
    SY_CHECK(writable_);
    size_t total = 0;
    for (const auto part : parts) total += part.size();
    const uint64_t size = inode_->data.size();
    if (at + total > size && at + total - size > state_->room()) return full(path_);
    ++state_->counters.writes;
    state_->counters.bytes_written += total;
    for (const auto part : parts) {
      if (!part.empty()) inode_->write(at, part);
      at += part.size();
    }
    return {};
  }
  Status sync_data() override {
    std::lock_guard lock(state_->mutex);
    if (life_ != state_->life || state_->dies()) return dead(path_);
    if (state_->syncs_until_failure > 0 && --state_->syncs_until_failure == 0) state_->failed = true;
    if (state_->failed)
      return make_error(ErrorKind::kIo, "runtime.io", "cannot sync " + path_ + ": injected failure");
    ++state_->counters.data_syncs;
    if (!state_->ignore_syncs) inode_->sync();
    return {};
  }
  Status allocate_zeroed(uint64_t bytes, const std::function<void(uint64_t)>&) override {
    {
      std::lock_guard lock(state_->mutex);
      if (life_ != state_->life || state_->failed || state_->dies()) return dead(path_);
      SY_CHECK(inode_->data.empty());
      const uint64_t room = state_->room();
      if (bytes > room) {
        // As a real disk may: what could be had is taken.
        inode_->data.resize(room, '\0');
        return full(path_);
      }
      inode_->data.resize(bytes, '\0');
    }
    return sync_data();
  }
  Status truncate(uint64_t bytes) override {
    std::lock_guard lock(state_->mutex);
    if (life_ != state_->life) return dead(path_);
    const uint64_t size = inode_->data.size();
    if (bytes > size && bytes - size > state_->room()) return full(path_);
    if (bytes < size) inode_->remember(bytes, size);
    inode_->data.resize(bytes, '\0');
    return {};
  }
  Result<uint64_t> size() const override {
    std::lock_guard lock(state_->mutex);
    if (life_ != state_->life) return dead(path_);
    return static_cast<uint64_t>(inode_->data.size());
  }

 private:
  const std::shared_ptr<State> state_;
  const std::string path_;
  const std::shared_ptr<Inode> inode_;
  const uint64_t life_;
  const bool writable_;
};

class SimulatedDisk::Lock final : public runtime::DirectoryLock {
 public:
  Lock(std::shared_ptr<State> state, std::string directory)
      : state_(std::move(state)), directory_(std::move(directory)), life_(state_->life) {}
  ~Lock() override {
    std::lock_guard lock(state_->mutex);
    if (life_ == state_->life) state_->locked.erase(directory_);
  }

 private:
  const std::shared_ptr<State> state_;
  const std::string directory_;
  const uint64_t life_;
};

SimulatedDisk::SimulatedDisk(uint64_t seed) : state_(std::make_shared<State>(seed)) {}
SimulatedDisk::~SimulatedDisk() = default;

void SimulatedDisk::crash() {
  std::lock_guard lock(state_->mutex);
  state_->bury();
  ++state_->life;
  ++state_->counters.crashes;
  state_->locked.clear();
  for (const auto& change : state_->unsynced_changes) {
    if (state_->random.one_in(2)) State::replay(state_->synced_names, change);
  }
  state_->unsynced_changes.clear();
  state_->names = state_->synced_names;
  std::set<Inode*> seen;
  for (const auto& [path, inode] : state_->names) {
    if (seen.insert(inode.get()).second) inode->crash(state_->random);
  }
}

void SimulatedDisk::kill_process() {
  std::lock_guard lock(state_->mutex);
  state_->bury();
  ++state_->life;
  ++state_->counters.crashes;
  state_->locked.clear();
}

void SimulatedDisk::set_capacity_bytes(uint64_t bytes) {
  std::lock_guard lock(state_->mutex);
  state_->capacity = bytes;
}

uint64_t SimulatedDisk::used_bytes() const {
  std::lock_guard lock(state_->mutex);
  return state_->used();
}

void SimulatedDisk::fail_sync_after(uint64_t n) {
  std::lock_guard lock(state_->mutex);
  state_->syncs_until_failure = n;
  state_->failed = false;
}

void SimulatedDisk::die_after(uint64_t n) {
  std::lock_guard lock(state_->mutex);
  state_->bury();
  state_->changes_until_death = n;
}

bool SimulatedDisk::died() const {
  std::lock_guard lock(state_->mutex);
  return state_->dead;
}

void SimulatedDisk::set_ignore_syncs(bool ignore) {
  std::lock_guard lock(state_->mutex);
  state_->ignore_syncs = ignore;
}

void SimulatedDisk::flip_bit(const std::string& path, uint64_t byte, unsigned bit) {
  std::lock_guard lock(state_->mutex);
  const auto found = state_->names.find(path);
  SY_CHECK(found != state_->names.end() && byte < found->second->data.size() && bit < 8);
  found->second->data[byte] = static_cast<char>(found->second->data[byte] ^ (1 << bit));
  const auto old = found->second->unsynced_sectors.find(byte / kSectorBytes);
  if (old != found->second->unsynced_sectors.end()) {
    char& c = old->second[byte % kSectorBytes];
    c = static_cast<char>(c ^ (1 << bit));
  }
}

std::string SimulatedDisk::content(const std::string& path) const {
  std::lock_guard lock(state_->mutex);
  const auto found = state_->names.find(path);
  return found == state_->names.end() ? std::string() : found->second->data;
}

void SimulatedDisk::put(const std::string& path, const std::string& content) {
  std::lock_guard lock(state_->mutex);
  auto inode = std::make_shared<Inode>();
  inode->data = content;
  inode->sync();
  for (std::string dir = State::parent(path); state_->directories.insert(dir).second;)
    dir = State::parent(dir);
  state_->names[path] = inode;
  state_->synced_names[path] = inode;
}

std::vector<std::string> SimulatedDisk::files() const {
  std::lock_guard lock(state_->mutex);
  std::vector<std::string> paths;
  for (const auto& [path, inode] : state_->names) paths.push_back(path);
  return paths;
}

SimulatedDisk::Counters SimulatedDisk::counters() const {
  std::lock_guard lock(state_->mutex);
  return state_->counters;
}

Result<std::unique_ptr<File>> SimulatedDisk::open(const std::string& path, OpenMode mode) {
  std::lock_guard lock(state_->mutex);
  const auto found = state_->names.find(path);
  if (mode == OpenMode::kCreateNew) {
    if (state_->dies()) return dead(path);
    if (found != state_->names.end()) {
      return make_error(ErrorKind::kConflict, "runtime.exists", path + " exists already");
    }
    if (!state_->directories.contains(State::parent(path))) {
      return make_error(ErrorKind::kNotFound, "runtime.not_found",
                        "the directory of " + path + " does not exist");
    }
    auto inode = std::make_shared<Inode>();
    state_->change({}, path, inode);
    return std::unique_ptr<File>(std::make_unique<OpenFile>(state_, path, inode, true));
  }
  if (found == state_->names.end()) {
    return make_error(ErrorKind::kNotFound, "runtime.not_found", path + " does not exist");
  }
  return std::unique_ptr<File>(
      std::make_unique<OpenFile>(state_, path, found->second, mode != OpenMode::kReadOnly));
}

Result<std::vector<std::string>> SimulatedDisk::list(const std::string& directory) {
  std::lock_guard lock(state_->mutex);
  if (!state_->directories.contains(directory)) {
    return make_error(ErrorKind::kNotFound, "runtime.not_found", directory + " does not exist");
  }
  // Paths are sorted: those below the directory stand together, and what lies deeper is stepped over.
  const std::string prefix = directory == "." ? "" : directory == "/" ? directory : directory + "/";
  std::set<std::string> found;
  const auto collect = [&](const auto& sorted, const auto& path_of) {
    for (auto it = sorted.lower_bound(prefix); it != sorted.end();) {
      const std::string& path = path_of(*it);
      if (!path.starts_with(prefix)) break;
      const size_t slash = path.find('/', prefix.size());
      if (slash == std::string::npos) {
        if (path.size() > prefix.size()) found.insert(path.substr(prefix.size()));
        ++it;
      } else {
        it = sorted.lower_bound(path.substr(0, slash) + static_cast<char>('/' + 1));
      }
    }
  };
  collect(state_->names, [](const auto& entry) -> const std::string& { return entry.first; });
  collect(state_->directories, [](const std::string& path) -> const std::string& { return path; });
  if (directory == ".") found.erase(".");
  return std::vector<std::string>(found.begin(), found.end());
}

Result<bool> SimulatedDisk::exists(const std::string& path) {
  std::lock_guard lock(state_->mutex);
  return state_->names.contains(path) || state_->directories.contains(path);
}

Status SimulatedDisk::remove(const std::string& path) {
  std::lock_guard lock(state_->mutex);
  if (state_->dies()) return dead(path);
  if (state_->names.contains(path)) {
    state_->change(path, {}, nullptr);
    return {};
  }
  if (state_->directories.erase(path) > 0) return {};
  return make_error(ErrorKind::kNotFound, "runtime.not_found", path + " does not exist");
}

Status SimulatedDisk::rename(const std::string& from, const std::string& to) {
  std::lock_guard lock(state_->mutex);
  if (state_->dies()) return dead(from);
  const auto found = state_->names.find(from);
  if (found == state_->names.end()) {
    return make_error(ErrorKind::kNotFound, "runtime.not_found", from + " does not exist");
  }
  state_->change(from, to, found->second);
  return {};
}

Status SimulatedDisk::create_directories(const std::string& directory) {
  std::lock_guard lock(state_->mutex);
  for (std::string dir = directory; state_->directories.insert(dir).second;) dir = State::parent(dir);
  return {};
}

Status SimulatedDisk::sync_directory(const std::string& directory) {
  std::lock_guard lock(state_->mutex);
  if (state_->dies()) return dead(directory);
  ++state_->counters.directory_syncs;
  auto& changes = state_->unsynced_changes;
  for (auto change = changes.begin(); change != changes.end();) {
    if (change->directory != directory) {
      ++change;
      continue;
    }
    State::replay(state_->synced_names, *change);
    change = changes.erase(change);
  }
  return {};
}

Result<uint64_t> SimulatedDisk::free_bytes(const std::string&) {
  std::lock_guard lock(state_->mutex);
  return state_->room();
}

Result<std::unique_ptr<runtime::DirectoryLock>> SimulatedDisk::lock_directory(const std::string& directory) {
  std::lock_guard lock(state_->mutex);
  if (!state_->locked.insert(directory).second) {
    return make_error(ErrorKind::kConflict, "runtime.directory_locked",
                      "the directory " + directory + " is in use by another holder in this simulation");
  }
  return std::unique_ptr<runtime::DirectoryLock>(std::make_unique<Lock>(state_, directory));
}

}  // namespace switchyard::testing
