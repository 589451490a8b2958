#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "switchyard/http/limits.h"

namespace switchyard::http {

/// Bytes on their way out: small pieces lie one behind the other in one string, large ones stay where they
/// are. What was sent is taken from the front. Keeps the first string's memory for the next answer.
class Output {
 public:
  static constexpr size_t kPieces = 16;
  using Buffers = std::array<boost::asio::const_buffer, kPieces>;

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  /// The string to append to; call appended() after.
  std::string& tail() {
    if (parts_.empty() || parts_.back().size() >= kGatherFromBytes) parts_.emplace_back();
    before_ = parts_.back().size();
    return parts_.back();
  }
  void appended() { size_ += parts_.back().size() - before_; }

  void append(std::string_view text) {
    tail() += text;
    appended();
  }
  void append_body(std::string&& body) {
    if (body.size() < kGatherFromBytes) return append(body);
    size_ += body.size();
    parts_.push_back(std::move(body));
  }

  /// The first unsent pieces; unused places are empty.
  Buffers front() const {
    Buffers buffers;
    size_t used = 0;
    size_t skip = sent_;
    for (size_t i = first_; i < parts_.size() && used < kPieces; ++i, skip = 0)
      if (parts_[i].size() > skip) buffers[used++] = {parts_[i].data() + skip, parts_[i].size() - skip};
    return buffers;
  }
  void consume(size_t bytes) {
    size_ -= bytes;
    sent_ += bytes;
    while (first_ < parts_.size() && sent_ >= parts_[first_].size()) {
      sent_ -= parts_[first_].size();
      ++first_;
    }
    if (size_ == 0) clear();
  }
  void clear() {
    if (!parts_.empty()) parts_.resize(1);
    if (!parts_.empty()) {
      if (parts_[0].capacity() > 4 * kGatherFromBytes) parts_[0] = {};
      parts_[0].clear();
    }
    size_ = sent_ = first_ = 0;
  }
  void swap(Output& other) noexcept { std::swap(*this, other); }

 private:
  std::vector<std::string> parts_;
  size_t size_ = 0;
  size_t sent_ = 0;  // bytes of parts_[first_] that are sent
  size_t first_ = 0;
  size_t before_ = 0;
};

}  // namespace switchyard::http
