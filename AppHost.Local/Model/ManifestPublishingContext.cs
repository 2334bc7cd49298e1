namespace Aspire.Hosting.Publishing;

/// <summary>What a parameter's default is written to when a manifest is published, which this host does not do.</summary>
public sealed class ManifestPublishingContext;
