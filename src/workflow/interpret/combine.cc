// How the answers of an ensemble become one. docs/language.md has the formulas.
#include "interpret/combine.h"

#include <algorithm>
#include <cmath>

namespace switchyard::workflow {
namespace {

using Combine = EnsembleSpec::Combine;

/// Bits; 0 log 0 is 0.
double entropy(const std::vector<double>& shares) {
  double sum = 0;
  for (const double share : shares)
    if (share > 0) sum -= share * std::log2(share);
  return sum;
}

/// A word that members gave, and the share of the weight behind it.
struct Vote {
  Value answer;
  double share = 0;
};

/// In the order in which members first gave them.
std::vector<Vote> count_votes(const EnsembleSpec& spec, const std::vector<Panel::Answer>& answers) {
  std::vector<Vote> votes;
  double total = 0;
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].state != Panel::Answer::State::kAnswered) continue;
    auto vote = std::find_if(votes.begin(), votes.end(),
                             [&](const Vote& v) { return equal(v.answer, answers[i].of); });
    if (vote == votes.end()) vote = votes.insert(votes.end(), Vote{answers[i].of, 0});
    vote->share += spec.members[i].weight;
    total += spec.members[i].weight;
  }
  for (Vote& vote : votes) vote.share /= total;
  return votes;
}

/// The surest; of equals the first.
size_t best_of(const std::vector<Panel::Answer>& answers) {
  size_t best = answers.size();
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].state != Panel::Answer::State::kAnswered) continue;
    if (best == answers.size() || answers[i].confidence > answers[best].confidence) best = i;
  }
  return best;
}

struct Numbers {
  double mean = 0, least = 0, most = 0;
};

Numbers count_numbers(const EnsembleSpec& spec, const std::vector<Panel::Answer>& answers) {
  Numbers numbers;
  double total = 0;
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].state != Panel::Answer::State::kAnswered) continue;
    const double number = answers[i].of.to_double();
    numbers.least = total == 0 ? number : std::min(numbers.least, number);
    numbers.most = total == 0 ? number : std::max(numbers.most, number);
    numbers.mean += spec.members[i].weight * number;
    total += spec.members[i].weight;
  }
  numbers.mean /= total;
  // Rounding must not make a probability of more than 1.
  numbers.mean = std::clamp(numbers.mean, numbers.least, numbers.most);
  return numbers;
}

}  // namespace

void combine(const EnsembleSpec& spec, const std::vector<Panel::Answer>& answers, Arena& arena,
             MapBuilder& result) {
  const bool takes_best = spec.combine == Combine::kBest;
  const size_t best = takes_best ? best_of(answers) : 0;
  MapBuilder disagreement(arena);
  if (spec.numbers) {
    const Numbers numbers = count_numbers(spec, answers);
    result.add("score", Value::real(takes_best ? answers[best].of.to_double() : numbers.mean));
    if (spec.probabilities) {
      const double p = numbers.mean;
      if (!takes_best) result.add("confidence", Value::real(std::max(p, 1 - p)));
      disagreement.add("entropy", Value::real(entropy({p, 1 - p})));
      disagreement.add("margin", Value::real(std::abs(2 * p - 1)));
    }
    disagreement.add("spread", Value::real(numbers.most - numbers.least));
  } else {
    auto votes = count_votes(spec, answers);
    std::stable_sort(votes.begin(), votes.end(),
                     [](const Vote& a, const Vote& b) { return a.share > b.share; });
    const Value answer = takes_best ? answers[best].of : votes.front().answer;
    result.add("answer", copy_value(answer, arena));
    if (!takes_best) result.add("confidence", Value::real(votes.front().share));
    std::vector<double> shares;
    for (const Vote& vote : votes) shares.push_back(vote.share);
    disagreement.add("entropy", Value::real(entropy(shares)));
    disagreement.add("margin", Value::real(shares[0] - (shares.size() > 1 ? shares[1] : 0)));
    disagreement.add("spread", Value::real(1 - shares[0]));
  }
  if (takes_best) {
    result.add("best", Value::string(arena.copy(spec.members[best].name)));
    result.add("confidence", Value::real(answers[best].confidence));
  }
  result.add("disagreement", disagreement.build());
}

}  // namespace switchyard::workflow
