// The machine's file systems through POSIX calls.

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>

#include "switchyard/runtime/disk.h"

namespace switchyard::runtime {
namespace {

// Zeros are written and synced in pieces, so that a log's own syncs never queue behind a whole segment.
constexpr size_t kZeroChunkBytes = 128 << 10;
constexpr char kLockName[] = "LOCK";
// Most buffers given to one pwritev; any kernel takes this many.
constexpr size_t kMaxParts = 512;

Error os_error(const char* what, const std::string& path, int code) {
  ErrorKind kind = ErrorKind::kIo;
  const char* name = "runtime.io";
  if (code == ENOSPC || code == EDQUOT) kind = ErrorKind::kNoSpace, name = "runtime.no_space";
  if (code == ENOENT) kind = ErrorKind::kNotFound, name = "runtime.not_found";
  if (code == EEXIST || code == ENOTEMPTY) kind = ErrorKind::kConflict, name = "runtime.exists";
  if (code == EACCES || code == EPERM || code == EROFS) {
    kind = ErrorKind::kPermissionDenied, name = "runtime.permission_denied";
  }
  return make_error(kind, name, std::string("cannot ") + what + " " + path + ": " + std::strerror(code));
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

int open_retrying(const std::string& path, int flags) {
  int fd;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, 0640);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

std::string parent_of(const std::string& path) {
  const size_t end = path.find_last_not_of('/');
  const size_t slash = end == std::string::npos ? std::string::npos : path.rfind('/', end);
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

class PosixFile final : public File {
 public:
  PosixFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  Result<size_t> pread(uint64_t at, std::span<char> out) const override {
    size_t done = 0;
    while (done < out.size()) {
      const ssize_t got =
          ::pread(fd_.get(), out.data() + done, out.size() - done, static_cast<off_t>(at + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return os_error("read", path_, errno);
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

  Status pwrite(uint64_t at, std::string_view data) override {
    while (!data.empty()) {
      const ssize_t put = ::pwrite(fd_.get(), data.data(), data.size(), static_cast<off_t>(at));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return os_error("write to", path_, errno);
      at += static_cast<uint64_t>(put);
      data.remove_prefix(static_cast<size_t>(put));
    }
    return {};
  }

  Status pwritev(uint64_t at, std::span<const std::string_view> parts) override {
    iovec vectors[kMaxParts];
    while (!parts.empty()) {
      const size_t count = std::min(parts.size(), kMaxParts);
      size_t total = 0;
      for (size_t i = 0; i < count; ++i) {
        vectors[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};
        total += parts[i].size();
      }
      ssize_t put = ::pwritev(fd_.get(), vectors, static_cast<int>(count), static_cast<off_t>(at));
      if (put < 0 && errno != EINTR) return os_error("write to", path_, errno);
      if (put < 0) put = 0;
      if (static_cast<size_t>(put) < total)
        SY_RETURN_IF_ERROR(write_rest(at, parts.first(count), static_cast<size_t>(put)));
      at += total;
      parts = parts.subspan(count);
    }
    return {};
  }

  Status sync_data() override {
    int rc;
    do {
      rc = ::fdatasync(fd_.get());
    } while (rc != 0 && errno == EINTR);
    if (rc != 0) return os_error("sync", path_, errno);
    return {};
  }

  Status allocate_zeroed(uint64_t bytes, const std::function<void(uint64_t)>& between) override {
    // Reserving first makes a full disk fail before anything is written; where the file system cannot
    // reserve, the zeros below do it.
    if (::fallocate(fd_.get(), 0, 0, static_cast<off_t>(bytes)) != 0 && errno != EOPNOTSUPP &&
        errno != ENOSYS) {
      return os_error("allocate space for", path_, errno);
    }
    const std::string zeros(static_cast<size_t>(std::min<uint64_t>(bytes, kZeroChunkBytes)), '\0');
    for (uint64_t at = 0; at < bytes; at += zeros.size()) {
      const size_t part = static_cast<size_t>(std::min<uint64_t>(zeros.size(), bytes - at));
      SY_RETURN_IF_ERROR(pwrite(at, std::string_view(zeros).substr(0, part)));
      SY_RETURN_IF_ERROR(sync_data());
      if (between) between(at + part);
    }
    if (::fsync(fd_.get()) != 0) return os_error("sync", path_, errno);
    return {};
  }

  Status truncate(uint64_t bytes) override {
    if (::ftruncate(fd_.get(), static_cast<off_t>(bytes)) != 0) return os_error("truncate", path_, errno);
    return {};
  }

  Result<uint64_t> size() const override {
    struct stat info;
    if (::fstat(fd_.get(), &info) != 0) return os_error("inspect", path_, errno);
    return static_cast<uint64_t>(info.st_size);
  }

 private:
  // A short gathered write goes on piece by piece.
  Status write_rest(uint64_t at, std::span<const std::string_view> parts, size_t written) {
    for (const auto part : parts) {
      const size_t skip = std::min(written, part.size());
      if (skip < part.size()) SY_RETURN_IF_ERROR(pwrite(at + skip, part.substr(skip)));
      written -= skip;
      at += part.size();
    }
    return {};
  }

  const std::string path_;
  FileDescriptor fd_;
};

class PosixLock final : public DirectoryLock {
 public:
  explicit PosixLock(int fd) : fd_(fd) {}

 private:
  FileDescriptor fd_;  // closing it releases the lock, also when the process dies
};

std::string holder_line() {
  char host[256] = "unknown host";
  ::gethostname(host, sizeof host - 1);
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char since[32];
  std::strftime(since, sizeof since, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return "process " + std::to_string(::getpid()) + " on " + host + " since " + since;
}

class PosixDisk final : public Disk {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    const int flags = mode == OpenMode::kReadOnly    ? O_RDONLY
                      : mode == OpenMode::kReadWrite ? O_RDWR
                                                     : O_RDWR | O_CREAT | O_EXCL;
    const int fd = open_retrying(path, flags);
    if (fd < 0) return os_error(mode == OpenMode::kCreateNew ? "create" : "open", path, errno);
    return std::unique_ptr<File>(std::make_unique<PosixFile>(path, fd));
  }

  Result<std::vector<std::string>> list(const std::string& directory) override {
    std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(directory.c_str()), ::closedir);
    if (!dir) return os_error("list", directory, errno);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(dir.get())) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    if (errno != 0) return os_error("list", directory, errno);
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<bool> exists(const std::string& path) override {
    struct stat info;
    if (::stat(path.c_str(), &info) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return os_error("inspect", path, errno);
  }

  Status remove(const std::string& path) override {
    if (::remove(path.c_str()) != 0) return os_error("remove", path, errno);
    return {};
  }

  Status rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return os_error("rename", from + " to " + to, errno);
    return {};
  }

  Status create_directories(const std::string& directory) override {
    SY_ASSIGN_OR_RETURN(const bool there, exists(directory));
    if (there) return {};
    const std::string parent = parent_of(directory);
    if (parent != directory) SY_RETURN_IF_ERROR(create_directories(parent));
    if (::mkdir(directory.c_str(), 0750) != 0 && errno != EEXIST) return os_error("create", directory, errno);
    return sync_directory(parent);
  }

  Status sync_directory(const std::string& directory) override {
    const FileDescriptor fd(open_retrying(directory, O_RDONLY | O_DIRECTORY));
    if (fd.get() < 0) return os_error("open", directory, errno);
    if (::fsync(fd.get()) != 0) return os_error("sync", directory, errno);
    return {};
  }

  Result<uint64_t> free_bytes(const std::string& path) override {
    struct statvfs info;
    if (::statvfs(path.c_str(), &info) != 0) return os_error("inspect the file system of", path, errno);
    return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
  }

  Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& directory) override {
    const std::string path = directory + "/" + kLockName;
    const int fd = open_retrying(path, O_RDWR | O_CREAT);
    if (fd < 0) return os_error("open", path, errno);
    auto lock = std::make_unique<PosixLock>(fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return os_error("lock", path, errno);
      char line[512];
      const ssize_t got = ::pread(fd, line, sizeof line, 0);
      std::string holder = got > 0 ? std::string(line, static_cast<size_t>(got)) : "another process";
      holder = holder.substr(0, holder.find('\n'));
      return make_error(ErrorKind::kConflict, "runtime.directory_locked",
                        "the directory " + directory + " is in use by " + holder +
                            "; stop that process or choose another directory");
    }
    const std::string line = holder_line() + "\n";
    if (::ftruncate(fd, 0) != 0 ||
        ::pwrite(fd, line.data(), line.size(), 0) != static_cast<ssize_t>(line.size())) {
      // The lock holds without its text: a full disk must not keep a server from starting to free space.
    }
    return std::unique_ptr<DirectoryLock>(std::move(lock));
  }
};

}  // namespace

Disk& posix_disk() {
  static PosixDisk disk;
  return disk;
}

}  // namespace switchyard::runtime
