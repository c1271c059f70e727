"""What consumers paid, on a record that shows any change: hash-chained, closed by day, month and year, archived signed.

The four conditions of the French tax code (CGI, article 286, I, 3° bis; BOI-TVA-DECLA-30-10-30): rows never change,
changes show, periods close with perpetual totals, archives are kept. The certificate of an accredited body, which the
law asks for beside them, is lacking: this is the technique, not the paper.
"""
