#include "sse.h"

#include "switchyard/models/limits.h"

namespace switchyard::models {

Status EventReader::take(std::string_view piece, const std::function<Status(const Event&)>& event) {
  while (!piece.empty()) {
    if (after_return_ && piece.front() == '\n') piece.remove_prefix(1);
    after_return_ = false;
    const size_t end = piece.find_first_of("\r\n");
    line_.append(piece.substr(0, end));
    if (line_.size() + data_.size() > kMaxStreamEventBytes) {
      return make_error(ErrorKind::kTooLarge, "models.event_too_large",
                        "one event of the server's stream is longer than " +
                            std::to_string(kMaxStreamEventBytes) + " bytes (kMaxStreamEventBytes)");
    }
    if (end == std::string_view::npos) break;
    after_return_ = piece[end] == '\r';
    piece.remove_prefix(end + 1);
    SY_RETURN_IF_ERROR(end_line(event));
  }
  return {};
}

Status EventReader::end_line(const std::function<Status(const Event&)>& event) {
  std::string_view line = line_;
  if (line.empty()) {
    Status told;
    if (has_data_) told = event({name_, data_});
    name_.clear();
    data_.clear();
    has_data_ = false;
    return told;
  }
  const size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (has_data_) data_ += '\n';
    data_ += value;
    has_data_ = true;
  } else if (field == "event") {
    name_ = value;
  }
  line_.clear();
  return {};
}

}  // namespace switchyard::models
