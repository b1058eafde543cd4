/** Entry of the pages with live figures: one classic script. */
