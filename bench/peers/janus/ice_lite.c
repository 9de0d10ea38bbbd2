/* SPDX-License-Identifier: Apache-2.0
 * Makes Janus's ICE-lite work with clients whose password it does not know: preloaded into Janus by process.mjs.
 *
 * libnice 0.1.21 calls itself lite and still sends checks of its own, which the client would have to answer; RFC 8445
 * section 2.5 has a lite agent only answer those of the other. Our room protocol, made for a lite server, does not carry
 * the client's ICE password. So here the address from which a check came, once libnice has verified the check against
 * its own password, is selected. Nothing of this runs per packet.
 */
#include <stddef.h>

/* Of libnice and GLib, whose headers are not needed for this. */
typedef struct NiceAgent NiceAgent;
typedef struct NiceCandidate NiceCandidate;
typedef struct GSList {
  void *data;
  struct GSList *next;
} GSList;
int nice_agent_set_selected_remote_candidate(NiceAgent *agent, unsigned stream, unsigned component,
                                             NiceCandidate *candidate);

/* Janus hands over what it learns about the client here; it is told of no candidate in SDP. */
int nice_agent_set_remote_candidates(NiceAgent *agent, unsigned stream, unsigned component, const GSList *candidates) {
  int taken = 0;
  for (; candidates != NULL; candidates = candidates->next) {
    if (nice_agent_set_selected_remote_candidate(agent, stream, component, candidates->data)) ++taken;
  }
  return taken;
}
