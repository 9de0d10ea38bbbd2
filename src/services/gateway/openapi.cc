// SPDX-License-Identifier: Apache-2.0
// GET /openapi.json. A test checks that every path in here is routed and every route is in here.
#include "services/gateway/rest_api.h"

namespace jb::services {

std::string_view GatewayOpenApi() {
  return R"json({
  "openapi": "3.1.0",
  "info": {
    "title": "JB Calling gateway",
    "version": "1",
    "description": "Rooms, transcripts and state of a translated video-call server. Calls themselves run over Socket.IO: docs/protocol.md.",
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}
  },
  "paths": {
    "/health": {"get": {
      "summary": "State of the gateway and of what it depends on",
      "responses": {
        "200": {"description": "Calls can be served", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Health"}}}},
        "503": {"description": "Calls cannot be served", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Health"}}}}
      }}},
    "/livez": {"get": {"summary": "The process runs", "responses": {"200": {"description": "It does"}}}},
    "/readyz": {"get": {
      "summary": "Whether new calls should be sent here",
      "responses": {"200": {"description": "Yes"}, "503": {"description": "No, with the reasons"}}}},
    "/api/v1/rooms": {"post": {
      "summary": "Make a room",
      "requestBody": {"required": false, "content": {"application/json": {"schema": {
        "type": "object",
        "properties": {
          "name": {"type": "string", "maxLength": 80},
          "passcode": {"type": "string", "maxLength": 128},
          "maxParticipants": {"type": "integer", "minimum": 2, "maximum": 200}
        }}}}},
      "responses": {
        "201": {"description": "The room, with the token of its owner", "content": {"application/json": {"schema": {
          "allOf": [{"$ref": "#/components/schemas/Room"},
                    {"type": "object", "required": ["ownerToken"], "properties": {"ownerToken": {"type": "string"}}}]}}}},
        "400": {"$ref": "#/components/responses/Error"},
        "413": {"$ref": "#/components/responses/Error"},
        "429": {"$ref": "#/components/responses/TooMany"},
        "503": {"$ref": "#/components/responses/Error"}
      }}},
    "/api/v1/rooms/{code}": {
      "parameters": [{"$ref": "#/components/parameters/code"}],
      "get": {
        "summary": "A room and how many people are in it",
        "responses": {
          "200": {"description": "The room", "content": {"application/json": {"schema": {
            "allOf": [{"$ref": "#/components/schemas/Room"},
                      {"type": "object", "properties": {"participants": {"type": "integer"}}}]}}}},
          "404": {"$ref": "#/components/responses/Error"},
          "429": {"$ref": "#/components/responses/TooMany"}
        }},
      "delete": {
        "summary": "Close a room for everybody",
        "security": [{"ownerToken": []}],
        "responses": {
          "204": {"description": "Closed"},
          "401": {"$ref": "#/components/responses/Error"},
          "403": {"$ref": "#/components/responses/Error"},
          "404": {"$ref": "#/components/responses/Error"},
          "429": {"$ref": "#/components/responses/TooMany"}
        }}},
    "/api/v1/rooms/{code}/transcript": {
      "parameters": [{"$ref": "#/components/parameters/code"}],
      "get": {
        "summary": "Final captions, in the original and in one language",
        "description": "Of a room with a passcode: for its owner, its members and who has the passcode.",
        "security": [{}, {"ownerToken": []}, {"memberToken": []}, {"passcode": []}],
        "parameters": [
          {"name": "format", "in": "query", "schema": {"enum": ["json", "vtt", "srt", "txt"], "default": "json"}},
          {"name": "lang", "in": "query", "schema": {"type": "string"}, "description": "BCP-47"}
        ],
        "responses": {
          "200": {"description": "The transcript", "content": {"application/json": {}, "text/vtt": {}, "application/x-subrip": {}, "text/plain": {}}},
          "400": {"$ref": "#/components/responses/Error"},
          "401": {"$ref": "#/components/responses/Error"},
          "404": {"$ref": "#/components/responses/Error"},
          "429": {"$ref": "#/components/responses/TooMany"}
        }}},
    "/api/v1/languages": {"get": {
      "summary": "What can be spoken, read and heard with the backends that are up",
      "responses": {"200": {"description": "BCP-47 tags", "content": {"application/json": {"schema": {
        "type": "object",
        "required": ["stt", "translation", "tts"],
        "properties": {
          "stt": {"type": "array", "items": {"type": "string"}},
          "translation": {"type": "array", "items": {"type": "object", "required": ["from", "to"],
            "properties": {"from": {"type": "string"}, "to": {"type": "string"}}}},
          "tts": {"type": "array", "items": {"type": "string"}}
        }}}}}}}},
    "/metrics": {"get": {"summary": "Prometheus metrics", "responses": {"200": {"description": "Text format 0.0.4", "content": {"text/plain": {}}}}}},
    "/openapi.json": {"get": {"summary": "This document", "responses": {"200": {"description": "OpenAPI 3.1"}}}}
  },
  "components": {
    "parameters": {
      "code": {"name": "code", "in": "path", "required": true, "schema": {"type": "string"},
               "description": "Case, spaces and dashes do not matter"}
    },
    "responses": {
      "Error": {"description": "Why not", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
      "TooMany": {"description": "Wait as long as Retry-After says",
        "headers": {"Retry-After": {"schema": {"type": "integer"}}},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
    },
    "securitySchemes": {
      "ownerToken": {"type": "http", "scheme": "bearer", "description": "From POST /api/v1/rooms"},
      "memberToken": {"type": "http", "scheme": "bearer", "description": "self.token of the join of who is in the room"},
      "passcode": {"type": "apiKey", "in": "header", "name": "X-Room-Passcode", "description": "Percent-encoded"}
    },
    "schemas": {
      "Error": {"type": "object", "required": ["error"], "properties": {"error": {
        "type": "object", "required": ["code", "message"],
        "properties": {"code": {"type": "string"}, "message": {"type": "string"}}}}},
      "Room": {"type": "object",
        "required": ["code", "name", "url", "createdAt", "hasPasscode", "maxParticipants"],
        "properties": {
          "code": {"type": "string", "examples": ["k7m2x-9qrt4-bhw3z"]},
          "name": {"type": "string"},
          "url": {"type": "string"},
          "createdAt": {"type": "string", "format": "date-time"},
          "hasPasscode": {"type": "boolean"},
          "maxParticipants": {"type": "integer"}
        }},
      "Health": {"type": "object",
        "required": ["status", "timestamp", "uptime", "version", "workers", "mode", "components"],
        "properties": {
          "status": {"enum": ["healthy", "degraded", "unhealthy"]},
          "timestamp": {"type": "string", "format": "date-time"},
          "uptime": {"type": "number", "description": "Seconds"},
          "version": {"type": "string"},
          "workers": {"type": "integer", "description": "Media workers that run"},
          "mediaWorkers": {"type": "array", "items": {"type": "object", "properties": {
            "status": {"enum": ["healthy", "unhealthy"]},
            "load": {"type": "number", "description": "Share of a core that its thread uses"},
            "packetsPerSecond": {"type": "number", "description": "RTP, in and out"},
            "participants": {"type": "integer"}}}},
          "draining": {"type": "boolean", "description": "No more rooms are opened, because of a restart"},
          "mode": {"enum": ["standalone", "cluster"]},
          "components": {"type": "object", "properties": {
            "stt": {"$ref": "#/components/schemas/SpeechService"},
            "translation": {"$ref": "#/components/schemas/SpeechService"},
            "tts": {"$ref": "#/components/schemas/SpeechService"},
            "redis": {"type": "object", "properties": {"status": {"enum": ["healthy", "unhealthy", "not configured"]}}}
          }}
        }},
      "SpeechService": {"type": "object", "properties": {
        "status": {"enum": ["healthy", "unhealthy"]}, "backend": {"type": "string"}, "latency_ms": {"type": "number"}}}
    }
  }
})json";
}

}  // namespace jb::services
