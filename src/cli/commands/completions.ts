import { settableKeys } from "../../config/schema/node.ts";
import { configSchema } from "../../config/schema/schema.ts";
import type { Command, CommandContext } from "../command.ts";
import { renderBash } from "../completions/bash.ts";
import { renderFish } from "../completions/fish.ts";
import { completionTree } from "../completions/tree.ts";
import { renderZsh } from "../completions/zsh.ts";
import { loadAll } from "../run.ts";
import { choiceOf } from "../usage.ts";

const SHELLS = { bash: renderBash, zsh: renderZsh, fish: renderFish } as const;

export const command: Command = {
  summary: "Print the completion script of a shell",
  topic: "set-up",
  rank: 9,
  positionals: "SHELL",
  choices: Object.keys(SHELLS),
  help: [
    "bash: echo 'source <(gigastt completions bash)' >> ~/.bashrc",
    "zsh:  echo 'source <(gigastt completions zsh)' >> ~/.zshrc",
    "fish: gigastt completions fish > ~/.config/fish/completions/gigastt.fish",
  ].join("\n"),
  run: printScript,
};

async function printScript({ positionals, stdout, registry }: CommandContext): Promise<number> {
  const shell = choiceOf("SHELL", positionals[0] ?? "", ["bash", "zsh", "fish"], ["completions"]);
  const tree = completionTree(await loadAll(registry), [...settableKeys(configSchema).keys()]);
  stdout.write(SHELLS[shell](tree));
  return 0;
}
