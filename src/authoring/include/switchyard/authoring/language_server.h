#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/governance/governance.h"

namespace switchyard::authoring {

/// The files of an editor's workspace as they are on disk.
class Files {
 public:
  virtual ~Files() = default;
  /// Everything below a folder that can be deployed, paths relative to it; weights without their content.
  /// Hidden folders are left out.
  virtual Result<std::vector<governance::SourceFile>> read_folder(const std::string& folder) = 0;
};

/// Cuts a byte stream into messages: LSP 3.17's base protocol.
class MessageReader {
 public:
  struct Next {
    enum class Kind : uint8_t {
      kNone,     ///< more bytes are needed
      kMessage,  ///< `text` is a message's content
      kRefused,  ///< something was skipped; `text` says why
      kBroken,   ///< the stream cannot be followed any more; `text` says why
    } kind = Kind::kNone;
    std::string text;
  };
  void feed(std::string_view bytes) { buffer_ += bytes; }
  Next next();

 private:
  std::string buffer_;
  size_t skip_ = 0;  ///< bytes of a message that is too large
};

/// A message's content with its header.
std::string with_header(std::string_view content);

/// A language server for pipelines, rule tables, models and costs (docs/authoring.md): LSP 3.17 with UTF-16
/// positions. One thread; knows no sockets: messages go in, and messages come out.
class LanguageServer {
 public:
  /// `files` must outlive the server.
  LanguageServer(Files& files, std::string version);
  ~LanguageServer();

  /// Takes one message's content and gives those to send, in order. Never fails: what is wrong is answered.
  std::vector<std::string> handle(std::string_view content);
  /// The answer to bytes that are no message.
  static std::string parse_error(std::string_view why);

  /// After `exit`: what the process exits with.
  bool is_done() const;
  int exit_code() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace switchyard::authoring
