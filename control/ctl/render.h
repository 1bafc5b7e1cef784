// render.h: the control API's answers as text for people. Pure.
#pragma once

#include <string>

#include "outrigger/control/v1/control.pb.h"

namespace outrigger::control {

std::string RenderStatus(const v1::StatusResponse& status);
std::string RenderCpuPlan(const v1::GetCpuPlanResponse& plan);

}  // namespace outrigger::control
