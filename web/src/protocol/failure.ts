// SPDX-License-Identifier: Apache-2.0
/** Something that did not work, with a stable code; the interface turns codes into words (i18n/failures.ts). */
export class Failure extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'Failure';
  }

  static of(error: unknown): Failure {
    if (error instanceof Failure) return error;
    return new Failure('unexpected', error instanceof Error ? error.message : String(error));
  }
}
