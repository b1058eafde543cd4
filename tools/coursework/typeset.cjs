// Typesets formulas with the book's copy of MathJax: a JSON list of [TeX, whether it is displayed] on standard input
// becomes a JSON list of SVG pictures, which need neither a script nor a network where they are read.
const path = require("path");
const mathjax = path.resolve(__dirname, "../../node_modules/mathjax/es5/node-main.js");
const formulas = JSON.parse(require("fs").readFileSync(0, "utf-8"));

require(mathjax)
  .init({ loader: { load: ["input/tex-full", "output/svg"] }, svg: { fontCache: "none" } })
  .then((MathJax) => {
    const pictures = formulas.map(([tex, display]) =>
      MathJax.startup.adaptor.innerHTML(MathJax.tex2svg(tex, { display }))
    );
    process.stdout.write(JSON.stringify(pictures));
  });
