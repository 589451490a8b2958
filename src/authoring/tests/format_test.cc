#include "switchyard/authoring/format.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "switchyard/document/document.h"
#include "switchyard/governance/bundle.h"
#include "switchyard/types/json.h"

namespace switchyard::authoring {
namespace {

std::string formatted(const std::string& text) {
  const auto outcome = format_document(text, "doc.yaml");
  for (const auto& d : outcome.diagnostics) ADD_FAILURE() << d.to_string() << "\nin\n" << text;
  return outcome.text;
}

std::string json_of(const std::string& text) {
  const auto parsed = document::parse(text);
  if (parsed.root == nullptr) return "no document";
  Arena arena;
  return to_json(document::to_value(*parsed.root, arena));
}

/// Every comment of a text whose scalars have no '#', sorted.
std::vector<std::string> comments_of(const std::string& text) {
  std::vector<std::string> found;
  for (size_t at = text.find('#'); at != std::string::npos; at = text.find('#', at + 1)) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string comment = text.substr(at, end - at);
    while (comment.ends_with(' ')) comment.pop_back();
    found.push_back(comment);
    at = end;
  }
  std::sort(found.begin(), found.end());
  return found;
}

void expect_canonical(const std::string& text) {
  const std::string once = formatted(text);
  EXPECT_EQ(json_of(once), json_of(text)) << once;
  EXPECT_EQ(formatted(once), once) << "formatting again changes\n" << once;
}

TEST(Format, LaysOutMappingsListsAndComments) {
  EXPECT_EQ(formatted("# head\n\n\n\npipeline:   a@1.0.0 # one\nsteps:      # two\n"
                      "\n    x:\n          set: {a: 1,b: [1,2 , 3]}\n    # of y\n    y: {}\n\n    # end of "
                      "steps\n\n# end\noutput: \"x.a\"\n"),
            "# head\n\n"
            "pipeline: a@1.0.0  # one\n"
            "steps:             # two\n"
            "  x:\n"
            "    set: { a: 1, b: [1, 2, 3] }\n"
            "  # of y\n"
            "  y: {}\n\n"
            "  # end of steps\n\n"
            "# end\n"
            "output: \"x.a\"\n");
}

TEST(Format, IndentsListsBelowTheirKeyAndKeepsItemsCompact) {
  EXPECT_EQ(formatted("rows:\n- id: a\n  when: true\n-   id: b\n    when:\n    - 1\n    -  - 2\n       - "
                      "3\n-\n  # why\n  id: c\n"),
            "rows:\n"
            "  - id: a\n"
            "    when: true\n"
            "  - id: b\n"
            "    when:\n"
            "      - 1\n"
            "      - - 2\n"
            "        - 3\n"
            "  -\n"
            "    # why\n"
            "    id: c\n");
}

TEST(Format, WritesWideFlowCollectionsAsBlocks) {
  const std::string wide(70, 'x');
  EXPECT_EQ(formatted("a: { first: '" + wide + "', second: [ '" + wide + "' ] } # both\n"),
            "a:  # both\n  first: '" + wide + "'\n  second: ['" + wide + "']\n");
}

TEST(Format, FillsLinesWithTheWordsOfALongList) {
  const std::string words(
      R"('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb)");
  EXPECT_EQ(formatted("key: [" + words + ", ccccccccccccccccccccccc, d] # e\n"),
            "key:  # e\n  [" + words + ",\n   ccccccccccccccccccccccc, d]\n");
  expect_canonical("- [" + words + ", ccccccccccccccccccccccc, d] # e\n-\n  - [" + words + "," + words +
                   "]\n");
}

TEST(Format, KeepsCommentsInsideFlowCollections) {
  EXPECT_EQ(formatted("a: [ # zero\n  1, # one\n  # before two\n  2 # two\n  # end\n]\n"),
            "a:\n  # zero\n  - 1  # one\n  # before two\n  - 2  # two\n  # end\n");
  EXPECT_EQ(formatted("a: {\n  # nothing\n}\n"), "a: {}\n# nothing\n");
}

TEST(Format, KeepsTheTextOfBlockScalarsAndFoldedLines) {
  expect_canonical(
      "a:   |\n      one\n        two\n\n      three\n\n\nb: >-\n  x\n  y\nc: |2\n    deep\n   less\nd: |+\n "
      " kept\n\n\ne: 1\n");
  expect_canonical(
      "a: one\n   two\n\n   three # end\nb: 'it''s\n     folded'\nc: \"a\\\n     b \\\n   \\ c\"\n");
  EXPECT_EQ(formatted("a: >   # why\n   x\n"), "a: >  # why\n  x\n");
}

TEST(Format, KeepsQuotesTagsAnchorsAndAliases) {
  EXPECT_EQ(formatted("a:   &x   { b: \"1\" , 'c d' : '2' }\nd:   *x\ne: !!str   5\nf: &y\n   g: *x\n"),
            "a: &x { b: \"1\", 'c d': '2' }\nd: *x\ne: !!str 5\nf: &y\n  g: *x\n");
}

TEST(Format, JoinsAKeyWithAValueOnTheNextLineWhereItFits) {
  EXPECT_EQ(formatted("a:\n    \"x\"\nb:\n  # why\n  y\n"), "a: \"x\"\nb:\n  # why\n  y\n");
  const std::string wide = "'" + std::string(118, 'x') + "'";
  EXPECT_EQ(formatted("a: " + wide + " # c\n"), "a:\n  " + wide + "  # c\n");
}

TEST(Format, ReadsWindowsLineEndsAndAByteOrderMark) {
  EXPECT_EQ(formatted("\xEF\xBB\xBF---\r\na:  1\r\nb: |\r\n  x\r\n  y\r\n...\r\n"), "a: 1\nb: |\n  x\n  y\n");
}

TEST(Format, RefusesWhatItCannotKeep) {
  for (const char* text : {"? a\n: b\n", "%YAML 1.2\n---\na: 1\n", "just text\n", "a: [1, ? b : c]\n"}) {
    const auto outcome = format_document(text, "doc.yaml");
    EXPECT_TRUE(outcome.text.empty()) << text << outcome.text;
    ASSERT_EQ(outcome.diagnostics.size(), 1u) << text;
    EXPECT_EQ(outcome.diagnostics[0].code, "format.unsupported");
    EXPECT_GT(outcome.diagnostics[0].line, 0u);
  }
  const auto broken = format_document("a: [1\n", "doc.yaml");
  ASSERT_FALSE(broken.diagnostics.empty());
  EXPECT_EQ(broken.diagnostics[0].code, "document.syntax");
}

/// Documents of random shape, written in random ways.
class Writer {
 public:
  explicit Writer(uint32_t seed) : random_(seed) {}

  std::string document() {
    std::string out;
    comments(out, 0);
    map(out, 0, 0);
    return out;
  }

 private:
  size_t pick(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }
  bool chance(size_t percent) { return pick(100) < percent; }
  std::string blanks(size_t least, size_t most) { return std::string(least + pick(most - least + 1), ' '); }
  void comments(std::string& out, size_t indent) {
    while (chance(15))
      out += chance(40) ? "\n" : std::string(indent, ' ') + "#c" + std::to_string(++count_) + "\n";
  }
  std::string trailing() {
    return chance(20) ? blanks(1, 4) + "# t" + std::to_string(++count_) : blanks(0, 1);
  }
  std::string word() {
    static const std::vector<std::string> kWords{"a",      "bc",  "'q: r'",   "\"x\\ty\"",  "12",   "true",
                                                 "null",   "a-b", "x.y",      "'it''s'",    "-1.5", "a b c",
                                                 "run.id", "~",   "input.?x", "http://h/p", "a:b",  "'#'"};
    return kWords[pick(kWords.size() - 1)];
  }
  std::string key() {
    const std::string name = "k" + std::to_string(++count_);
    switch (pick(6)) {
      case 0: return "'" + name + " x'";
      case 1: return "\"" + name + "\"";
      default: return name;
    }
  }
  std::string gap(size_t indent) {
    // The way from one token of a flow collection to the next.
    if (!chance(15)) return blanks(0, 2);
    return (chance(40) ? " # f" + std::to_string(++count_) : "") + "\n" +
           std::string(indent + 1 + pick(4), ' ');
  }
  std::string flow(size_t indent, size_t depth) {
    if (depth > 3 || chance(50)) return word();
    const bool map = chance(60);
    std::string out = map ? "{" : "[";
    const size_t n = pick(4);
    for (size_t i = 0; i < n; ++i) {
      out += gap(indent);
      const bool pair = map || chance(15);
      if (pair) out += key() + ":" + " " + gap(indent);
      out += flow(indent, depth + 1) + gap(indent);
      if (i + 1 < n || chance(10)) out += ",";
    }
    return out + gap(indent) + (map ? "}" : "]");
  }
  void map(std::string& out, size_t indent, size_t depth) {
    const size_t n = 1 + pick(4);
    for (size_t i = 0; i < n; ++i) {
      if (i > 0 || depth == 0) {
        comments(out, indent);
        out += std::string(indent, ' ');
      }
      out += key() + (chance(10) ? " :" : ":");
      value(out, indent, depth, false);
    }
    comments(out, indent);
  }
  void list(std::string& out, size_t indent, size_t depth) {
    const size_t n = 1 + pick(4);
    for (size_t i = 0; i < n; ++i) {
      comments(out, indent);
      out += std::string(indent, ' ') + "-";
      value(out, indent, depth, true);
    }
  }
  void value(std::string& out, size_t indent, size_t depth, bool in_list) {
    const size_t what = depth > 4 ? pick(4) : pick(8);
    const size_t inner = indent + 1 + pick(4);
    if (what == 0) {
      out += trailing() + "\n";
    } else if (what <= 2) {
      out += " " + blanks(0, 3) + flow(indent, 0) + trailing() + "\n";
    } else if (what == 3) {
      static const char* const kHeaders[] = {"|", ">", "|-", ">+", "|+", ">-"};
      out += std::string(" ") + kHeaders[pick(6)] + trailing() + "\n";
      const size_t n = 1 + pick(3);
      for (size_t i = 0; i < n; ++i) {
        out += std::string(inner + (i > 0 ? pick(3) : 0), ' ') + "line" + std::to_string(i) + "\n";
        if (chance(20)) out += "\n";
      }
    } else if (what <= 5) {
      if (in_list && chance(60)) {
        out += " ";
        map(out, indent + 2, depth + 1);
      } else {
        out += trailing() + "\n" + std::string(inner, ' ');
        map(out, inner, depth + 1);
      }
    } else {
      out += trailing() + "\n";
      list(out, in_list ? inner : indent + pick(3), depth + 1);
    }
  }

  std::mt19937 random_;
  size_t count_ = 0;
};

TEST(Format, ChangesNothingThatIsSaidAndNothingTheSecondTime) {
  size_t formatted_documents = 0;
  for (uint32_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const std::string text = Writer(seed).document();
    if (document::parse(text).root == nullptr) continue;
    ++formatted_documents;
    expect_canonical(text);
    EXPECT_EQ(comments_of(formatted(text)), comments_of(text)) << text;
    if (HasFailure()) FAIL() << text << "\n---\n" << formatted(text);
  }
  EXPECT_GT(formatted_documents, 350u);
}

/// The documents of the repository and every snippet of the guides.
TEST(Format, FormatsWhatPeopleWrote) {
  size_t count = 0;
  const std::filesystem::path root = SWITCHYARD_SOURCE_DIR;
  for (const char* folder : {"examples", "tests", "src/workflow/tests", "src/rules/tests", "docs"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      const auto extension = entry.path().extension();
      if (extension != ".yaml" && extension != ".md") continue;
      std::ifstream file(entry.path());
      const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
      std::vector<std::string> documents;
      if (extension == ".yaml") documents.push_back(text);
      for (size_t at = text.find("\n```yaml"); extension == ".md" && at != std::string::npos;
           at = text.find("\n```yaml", at + 1)) {
        const size_t begin = text.find('\n', at + 1) + 1;
        documents.push_back(text.substr(begin, text.find("\n```", begin) + 1 - begin));
      }
      for (const auto& document : documents) {
        if (document::parse(document).root == nullptr) continue;
        SCOPED_TRACE(entry.path().string());
        expect_canonical(document);
        ++count;
      }
    }
  }
  EXPECT_GT(count, 100u);
}

/// The documents of a folder as they are, or formatted.
std::vector<governance::SourceFile> folder_files(const std::filesystem::path& folder, bool formatted_ones) {
  std::vector<governance::SourceFile> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const auto extension = entry.path().extension();
    if (extension != ".yaml" && extension != ".json" && extension != ".onnx") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    governance::SourceFile source{std::filesystem::relative(entry.path(), folder).generic_string(), ""};
    if (extension != ".onnx") source.content.assign(std::istreambuf_iterator<char>(file), {});
    if (extension == ".yaml" && formatted_ones) source.content = formatted(source.content);
    files.push_back(std::move(source));
  }
  return files;
}

TEST(Format, ChangesNoHash) {
  size_t compared = 0;
  for (const char* folder : {"examples/card-fraud", "examples/loan-application", "examples/incident-triage",
                             "examples/nightly-batch", "examples/content-desk", "tests/api/pipelines"}) {
    const auto path = std::filesystem::path(SWITCHYARD_SOURCE_DIR) / folder;
    const auto before = governance::compile_bundle({folder_files(path, false), {}});
    const auto after = governance::compile_bundle({folder_files(path, true), {}});
    ASSERT_EQ(before.documents.size(), after.documents.size());
    for (size_t i = 0; i < before.documents.size(); ++i) {
      ASSERT_EQ(before.documents[i].artefact == nullptr, after.documents[i].artefact == nullptr);
      if (before.documents[i].artefact == nullptr) continue;
      EXPECT_EQ(before.documents[i].artefact->sha256, after.documents[i].artefact->sha256)
          << before.documents[i].path;
      ++compared;
    }
  }
  EXPECT_GT(compared, 8u);
}

}  // namespace
}  // namespace switchyard::authoring
