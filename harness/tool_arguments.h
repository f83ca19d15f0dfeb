#pragma once

// The options of the commands that study something: replay, heap, pages, hunt and campaign.

#include <CLI/CLI.hpp>

#include "harness/campaign_command.h"
#include "harness/heap/heap_run.h"
#include "harness/hunt/hunt_options.h"
#include "harness/pages_command.h"
#include "harness/replay/replay.h"

namespace ring3::harness {

struct PagesArguments {
  PagesCheckOptions check;
  ZoneinfoOptions zoneinfo;
};

void add_replay(CLI::App& program, ReplayOptions& options);
void add_heap(CLI::App& program, HeapOptions& options);
void add_pages(CLI::App& program, PagesArguments& args);
void add_hunt(CLI::App& program, HuntOptions& options);
void add_campaign(CLI::App& program, CampaignOptions& options);

// Both throw CLI::ValidationError for what cannot be together.
ReplayOptions resolve(const ReplayOptions& options);
HeapOptions resolve(const HeapOptions& options);

}  // namespace ring3::harness
