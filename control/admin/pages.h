// pages.h: the admin's pages, one function each; see AdminPages() for paths and help.
#pragma once

#include "control/admin/admin.h"

namespace outrigger::control {

// For people: the list of pages.
AdminReply IndexPage(const AdminSources& sources);

// server_pages.cc
AdminReply ReadyPage(const AdminSources& sources, const ControlRequest& request);
AdminReply ServerInfoPage(const AdminSources& sources, const ControlRequest& request);
AdminReply LoggingPage(const AdminSources& sources, const ControlRequest& request);
AdminReply DrainListenersPage(const AdminSources& sources, const ControlRequest& request);
AdminReply HealthFailPage(const AdminSources& sources, const ControlRequest& request);
AdminReply HealthOkPage(const AdminSources& sources, const ControlRequest& request);
AdminReply QuitPage(const AdminSources& sources, const ControlRequest& request);

// config_pages.cc
AdminReply ClustersPage(const AdminSources& sources, const ControlRequest& request);
AdminReply ListenersPage(const AdminSources& sources, const ControlRequest& request);
AdminReply ConfigDumpPage(const AdminSources& sources, const ControlRequest& request);

// cpu_pages.cc: JSON, and a page with a picture for a browser (Accept: text/html).
AdminReply CpuPage(const AdminSources& sources, const ControlRequest& request);

// scheduler_pages.cc: the same; and text, and a trace in Chrome's JSON.
AdminReply SchedulerPage(const AdminSources& sources, const ControlRequest& request);
AdminReply CoroutinesPage(const AdminSources& sources, const ControlRequest& request);
AdminReply TracePage(const AdminSources& sources, const ControlRequest& request);

// A request whose `format` parameter, or else its Accept field, asks for HTML.
bool WantsHtml(const ControlRequest& request);
bool WantsJson(const ControlRequest& request);

}  // namespace outrigger::control
