import { JsonReporter } from "vitest/node";

/** vitest's JSON report, with the errors of hooks inside a `describe` in their file's message: vitest itself leaves them out. */
export default class extends JsonReporter {
  hookErrors = new Map();

  async onTestRunEnd(modules, ...rest) {
    for (const module of modules) {
      const errors = Array.from(module.children.allSuites()).flatMap((suite) =>
        suite.errors().map((error) => `hook of "${suite.fullName}": ${error.stack ?? error.message}`),
      );
      this.hookErrors.set(module.moduleId, errors);
    }
    await super.onTestRunEnd(modules, ...rest);
  }

  async writeReport(report) {
    const found = JSON.parse(report);
    for (const file of found.testResults) file.message ||= (this.hookErrors.get(file.name) ?? []).join("\n");
    await super.writeReport(JSON.stringify(found));
  }
}
