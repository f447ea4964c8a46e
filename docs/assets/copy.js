// The copy button of a terminal session copies the commands, without the prompts and what they print.
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-clipboard-target]");
  const code = button && document.querySelector(button.dataset.clipboardTarget);
  if (!code?.querySelector(".gp")) return;
  const commands = code.textContent.split("\n").filter((line) => /^[$>] /.test(line));
  button.dataset.clipboardText = commands.map((line) => line.slice(2)).join("\n");
}, true);
