#pragma once

#include "reader.h"
#include "switchyard/router/route.h"

namespace switchyard::router {

/// Reads a route's document, one member function a part; compile.cc has the frame, compile_parts.cc and
/// compile_canary.cc the rest.
class RouteReader {
 public:
  using Node = document::Node;
  RouteReader(const std::string& file, Resolver& resolver) : in_(file), resolver_(resolver) {}
  RouteOutcome read(const Node& root);

 private:
  void read_name(const Node& root);
  void read_candidates(const Node& root);
  Candidate read_candidate(const std::string& name, const Node& node, const std::string& path);
  /// The facts of the model that `text` names, which go into `candidate` too; null after a mistake.
  const ModelFacts* read_model(const Node& at, const std::string& text, const std::string& path,
                               Candidate& candidate);
  /// The same of the member `model` of a part that is no candidate.
  const ModelFacts* read_model_of(const Node& part, const std::string& path, const char* example,
                                  Candidate& candidate);
  void read_prices(const Node& node, const std::string& path, PriceTable& prices);
  void check_types(const Node& at, const std::string& path, const Candidate& candidate,
                   const ModelFacts& facts);
  void read_sticky(const Node& root);
  void read_fallbacks(const Node& root);
  void read_retry(const Node& root);
  void read_hedge(const Node& root);
  void read_breaker(const Node& root);
  void read_concurrency(const Node& root);
  void read_budget(const Node& root);
  SpendLimit read_limit(const Node& parent, const std::string& key);
  void read_cache(const Node& root);
  void read_semantic(const Node& cache);
  void read_shadows(const Node& root);
  void read_canary(const Node& root);
  void read_steps(const Node& node);
  void read_guards(const Node& node);
  void read_experiment(const Node& root);
  void read_overruled(const Node& root);
  Compare read_compare(const Node& parent, const std::string& path);
  /// The JSON Pointer of `parent.at`.
  void read_pointer(const Node& parent, const std::string& path, std::string& pointer);
  void check_prices(const Node& root);
  /// The candidate that `parent.key` names.
  std::optional<uint32_t> candidate_at(const Node& parent, const std::string& path, std::string_view key,
                                       bool required);
  std::optional<uint32_t> candidate_of(const Node& node, const std::string& path);
  std::vector<std::string> candidate_names() const;

  Reader in_;
  Resolver& resolver_;
  std::shared_ptr<Route> route_ = std::make_shared<Route>();
  std::optional<expression::Type> input_type_, output_type_;  // of the first candidate
};

}  // namespace switchyard::router
