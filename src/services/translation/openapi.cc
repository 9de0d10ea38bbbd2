// SPDX-License-Identifier: Apache-2.0
#include "services/translation/openapi.h"

namespace jb::services {

std::string_view TranslationOpenApi() {
  return R"json({
  "openapi": "3.1.0",
  "info": {"title": "JB Calling translation", "version": "1", "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
  "paths": {
    "/health": {"get": {"summary": "State, backend and the directions it translates", "responses": {"200": {"description": "Healthy"}}}},
    "/readyz": {"get": {"summary": "Ready for requests", "responses": {"200": {"description": "Ready"}}}},
    "/metrics": {"get": {"summary": "Prometheus metrics", "responses": {"200": {"description": "Text format 0.0.4"}}}},
    "/openapi.json": {"get": {"summary": "This document", "responses": {"200": {"description": "OpenAPI 3.1"}}}},
    "/spec": {"get": {"summary": "This document, where LibreTranslate has it", "responses": {"200": {"description": "OpenAPI 3.1"}}}},
    "/translate": {"post": {
      "summary": "Translate text; with `q` in LibreTranslate's shape. Empty text is answered at once and starts the translator of its direction, so that the first sentence is fast",
      "requestBody": {"required": true, "content": {
        "application/json": {"schema": {"oneOf": [
          {"type": "object", "required": ["source", "target"], "properties": {
            "text": {"type": "string"}, "texts": {"type": "array", "items": {"type": "string"}, "maxItems": 50},
            "source": {"type": "string", "description": "BCP-47, or auto"}, "target": {"type": "string"}}},
          {"type": "object", "required": ["q", "source", "target"], "properties": {
            "q": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
            "source": {"type": "string"}, "target": {"type": "string"},
            "format": {"enum": ["text", "html"], "default": "text", "description": "html: what stands between tags is translated; tags, comments and script, style and code are kept"},
            "alternatives": {"type": "integer", "minimum": 0, "default": 0, "description": "Over 0: the answer has `alternatives`, which no translator of today fills"}}}]}},
        "application/x-www-form-urlencoded": {}}},
      "responses": {
        "200": {"description": "text or texts with source, target, cached, ms and pivot; or translatedText with detectedLanguage and alternatives where asked for"},
        "400": {"description": "What is wrong with the request"},
        "413": {"description": "Too long"},
        "429": {"description": "Too many requests at once", "headers": {"Retry-After": {"schema": {"type": "integer"}}}},
        "500": {"description": "The backend failed"}}}},
    "/detect": {"post": {
      "summary": "Which language a text is in",
      "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object", "required": ["q"], "properties": {"q": {"type": "string"}}}}}},
      "responses": {"200": {"description": "Languages with a confidence of 0 to 100, best first"}, "400": {"description": "No q"}}}},
    "/languages": {"get": {"summary": "Languages and what each is translated into", "responses": {"200": {"description": "code, name, targets"}}}},
    "/frontend/settings": {"get": {"summary": "LibreTranslate's settings", "responses": {"200": {"description": "Limits and defaults"}}}}
  }
})json";
}

}  // namespace jb::services
