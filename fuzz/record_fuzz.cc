// The log's decoder against any bytes: nothing crashes, no record is invented, what check() names repair()
// mends.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "format.h"
#include "switchyard/base/bytes.h"
#include "switchyard/base/check.h"
#include "switchyard/log/check.h"
#include "switchyard/log/local_log.h"
#include "switchyard/testing/manual_clock.h"
#include "switchyard/testing/seeded_random.h"
#include "switchyard/testing/simulated_disk.h"

namespace {

using namespace switchyard;
using namespace switchyard::log;

constexpr uint64_t kCapacity = 8192;
const std::string kRoot = "/l";
const std::string kFolder = kRoot + "/partition-00000";
const std::string kFile = kFolder + "/00000000000000000000.log";

struct World {
  testing::SeededRandom random{1};
  testing::ManualClock clock;
  testing::SimulatedDisk disk{1};

  LocalLogOptions options() {
    LocalLogOptions options;
    options.directory = kRoot;
    options.segment_bytes = options.first_segment_bytes = kCapacity;
    options.manual = true;
    options.disk = &disk;
    options.random = &random;
    options.clock = &clock;
    return options;
  }
};

using Payloads = std::vector<std::string>;

Result<Payloads> read_all(const Log& log) {
  Payloads payloads;
  LogOffset at = log.first_offset();
  while (at < log.durable_end()) {
    SY_ASSIGN_OR_RETURN(at, log.read(at, 1000, [&](const RecordView& record) {
      payloads.emplace_back(record.payload);
      return true;
    }));
  }
  return payloads;
}

// Opens, reads and checks the file; after a repair where check() says, the log must be well.
Result<Payloads> examine(const std::string& file) {
  World world;
  world.disk.put(kFile, file);
  const auto report = check(world.disk, kFolder);
  SY_CHECK(report.ok());
  Result<Payloads> found = make_error(ErrorKind::kCorruption, "", "");
  {
    auto logs = LocalLogs::open(world.options()).value();
    auto log = logs->acquire_local(PartitionId{});
    SY_CHECK(log.ok() || log.error().kind == ErrorKind::kCorruption);
    SY_CHECK(log.ok() == report->healthy());
    if (log.ok()) found = read_all(**log);
  }
  if (!report->healthy() && report->damage->file_position >= kSegmentHeaderBytes) {
    if (repair(world.disk, kFolder, report->damage->offset).ok())
      SY_CHECK(check(world.disk, kFolder)->healthy());
  }
  return found;
}

// A small good log, made once.
const std::string& good_log(Payloads& payloads) {
  static Payloads expected;
  static const std::string file = [] {
    World world;
    auto logs = LocalLogs::open(world.options()).value();
    auto log = logs->acquire_local(PartitionId{}).value();
    for (int i = 0; i < 5; ++i) {
      RecordBatch batch;
      for (int j = 0; j < 2; ++j) {
        expected.push_back(
            std::string(static_cast<size_t>(i * 130 + j), i == 2 ? '\0' : static_cast<char>('a' + i)));
        batch.add({}, expected.back()).value();
      }
      log->append(std::move(batch), {}).value();
      if (i != 2)
        while (log->step() != StepResult::kIdle) {
        }
    }
    return world.disk.content(kFile);
  }();
  payloads = expected;
  return file;
}

void edit_good_log(ByteReader input) {
  Payloads expected;
  std::string file = good_log(expected);
  while (input.remaining() >= 3) {
    const uint64_t at = input.u8() | static_cast<uint64_t>(input.u8()) << 8;
    file[at % file.size()] = static_cast<char>(input.u8());
  }
  const auto found = examine(file);
  if (!found.ok()) return;
  SY_CHECK(found->size() <= expected.size());
  for (size_t i = 0; i < found->size(); ++i) SY_CHECK((*found)[i] == expected[i]);
}

// Frames whose checksums hold whatever they say, so that the code behind the checksums is reached.
void forge_frames(ByteReader input) {
  std::string file = SegmentHeader{PartitionId{}, 7, LogOffset{}, Epoch{1}, 0}.encode();
  file.resize(kSegmentHeaderBytes + kCapacity, '\0');
  uint64_t at = 0;
  while (input.ok() && input.remaining() > 0 && at + kFrameHeaderBytes <= kCapacity) {
    FrameHeader header;
    header.kind = static_cast<FrameKind>(input.u8() % 4);
    header.offset = LogOffset{at};
    header.record_count = input.u8() % 5;
    header.body_bytes = static_cast<uint32_t>(input.varint());
    header.frame_bytes = input.u8() % 8 == 0 ? static_cast<uint32_t>(input.varint())
                                             : static_cast<uint32_t>(frame_bytes_for(header.body_bytes));
    header.durable_end = LogOffset{input.varint()};
    header.epoch = Epoch{input.u8()};
    header.zero_sectors = input.u8() % 4;
    header.log_id = 7;
    const std::string_view body = input.bytes();
    header.encode(file.data() + kSegmentHeaderBytes + at);
    const uint64_t room = kCapacity - at - kFrameHeaderBytes;
    file.replace(kSegmentHeaderBytes + at + kFrameHeaderBytes, std::min<uint64_t>(body.size(), room),
                 body.substr(0, room));
    at += std::max<uint64_t>(frame_bytes_for(std::min<uint64_t>(header.body_bytes, kCapacity)),
                             kFrameAlignment);
  }
  (void)examine(file).ok();
}

void any_bytes(std::string_view bytes) {
  std::string file = SegmentHeader{PartitionId{}, 7, LogOffset{}, Epoch{1}, 0}.encode();
  file.append(bytes.substr(0, kCapacity));
  file.resize(kSegmentHeaderBytes + kCapacity, '\0');
  (void)examine(file).ok();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0: edit_good_log(ByteReader(rest)); break;
    case 1: forge_frames(ByteReader(rest)); break;
    default: any_bytes(rest); break;
  }
  return 0;
}
