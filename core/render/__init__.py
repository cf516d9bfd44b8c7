"""From declarations to what a screen or a program needs: forms, serializers, pages, documents. No database, no request."""
