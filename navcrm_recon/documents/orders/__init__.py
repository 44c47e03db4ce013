"""Sales orders: a submitted CRM order becomes a NAV order (documents 1).

``reading`` fetches what many orders name at once, ``header`` and ``lines`` say what the NAV orders
are, ``amounts`` calculates them, ``problems`` says why some cannot be, ``creating`` writes them.
"""
