// The button that gives the notebook of a chapter away. From disk a browser shows a notebook as text, and lets no script
// read it, but it runs scripts from there: the notebook comes as one, which tools/alone.py wrote.
function downloadNotebook(name) {
  const script = document.createElement("script");
  script.src = `${name}.ipynb.js`;
  script.onload = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([window.notebookOfThePage], { type: "application/x-ipynb+json" }));
    link.download = `${name}.ipynb`;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  document.head.append(script);
}
