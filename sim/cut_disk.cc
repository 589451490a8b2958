#include "cut_disk.h"

namespace switchyard::sim {

Status CutDisk::change() {
  if (!armed_) return {};
  if (left_ == 0) {
    cut_ = true;
    return make_error(ErrorKind::kIo, "sim.cut", "the machine died here");
  }
  --left_;
  return {};
}

class CutDisk::CutFile final : public runtime::File {
 public:
  CutFile(CutDisk& disk, std::unique_ptr<runtime::File> file) : disk_(disk), file_(std::move(file)) {}
  Result<size_t> pread(uint64_t at, std::span<char> out) const override { return file_->pread(at, out); }
  Status pwrite(uint64_t at, std::string_view data) override {
    SY_RETURN_IF_ERROR(disk_.change());
    return file_->pwrite(at, data);
  }
  Status pwritev(uint64_t at, std::span<const std::string_view> parts) override {
    SY_RETURN_IF_ERROR(disk_.change());
    return file_->pwritev(at, parts);
  }
  Status sync_data() override {
    SY_RETURN_IF_ERROR(disk_.change());
    return file_->sync_data();
  }
  Status allocate_zeroed(uint64_t bytes, const std::function<void(uint64_t)>& between) override {
    return file_->allocate_zeroed(bytes, between);
  }
  Status truncate(uint64_t bytes) override { return file_->truncate(bytes); }
  Result<uint64_t> size() const override { return file_->size(); }

 private:
  CutDisk& disk_;
  const std::unique_ptr<runtime::File> file_;
};

Result<std::unique_ptr<runtime::File>> CutDisk::open(const std::string& path, runtime::OpenMode mode) {
  if (mode == runtime::OpenMode::kCreateNew) SY_RETURN_IF_ERROR(change());
  SY_ASSIGN_OR_RETURN(auto file, disk_.open(path, mode));
  return std::unique_ptr<runtime::File>(std::make_unique<CutFile>(*this, std::move(file)));
}
Status CutDisk::remove(const std::string& path) {
  SY_RETURN_IF_ERROR(change());
  return disk_.remove(path);
}
Status CutDisk::rename(const std::string& from, const std::string& to) {
  SY_RETURN_IF_ERROR(change());
  return disk_.rename(from, to);
}
Status CutDisk::create_directories(const std::string& directory) {
  SY_RETURN_IF_ERROR(change());
  return disk_.create_directories(directory);
}
Status CutDisk::sync_directory(const std::string& directory) {
  SY_RETURN_IF_ERROR(change());
  return disk_.sync_directory(directory);
}

}  // namespace switchyard::sim
