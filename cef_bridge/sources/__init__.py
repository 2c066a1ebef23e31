"""Where bytes come from: files, folders, standard input, archives; cut into units.

Sources know bytes, files and archives. They know nothing of KubeArmor's fields, of mappings or of
formats.
"""
