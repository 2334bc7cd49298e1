using OpsPlatform.OperationTracking.Alerts.Webhooks;
using OpsPlatform.ServiceDefaults;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Idempotency;

namespace OpsPlatform.OperationTracking.Alerts;

internal static class AlertEndpoints
{
    public static void AddAlerts(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton(new WebhookSettings(builder.Configuration.OnOff("Webhooks:AllowInsecure", false)));
        builder.Services.AddSingleton<WebhookClient>();
        builder.Services.AddSingleton<DeliveryQueue>();
        builder.Services.AddHostedService<DeliverWebhooks>();
        builder.Services.AddSingleton<LookForAlerts>();
        builder.Services.AddHostedService(services => services.GetRequiredService<LookForAlerts>());
        builder.Services.AddSingleton<ForgetAlerts>();
        builder.Services.AddHostedService(services => services.GetRequiredService<ForgetAlerts>());
    }

    public static void MapAlerts(this WebApplication app)
    {
        var alerts = app.MapApi("/operations/alerts", Roles.Admin).WithTags("alerts");
        alerts.MapGet("/", ListAlerts.Handle);
        alerts.MapGet("/rules", ListAlertRules.Handle);
        alerts.MapPost("/rules", AddAlertRule.Handle);
        alerts.MapPut("/rules/{id:guid}", ChangeAlertRule.Handle);
        alerts.MapDelete("/rules/{id:guid}", DeleteAlertRule.Handle);

        var webhooks = app.MapApi("/operations/webhooks", Roles.Admin).WithTags("webhooks");
        webhooks.MapGet("/", ListWebhooks.Handle);
        webhooks.MapPost("/", AddWebhook.Handle)
            .WithoutIdempotencyKey("The answer shows the secret for the only time. Sent again it adds another webhook: delete the one that was lost.");
        webhooks.MapGet("/{id:guid}", GetWebhook.Handle);
        webhooks.MapPut("/{id:guid}", ChangeWebhook.Handle);
        webhooks.MapDelete("/{id:guid}", DeleteWebhook.Handle);
        webhooks.MapPost("/{id:guid}/rotate", RotateSecret.Handle)
            .WithoutIdempotencyKey("The answer shows the secret for the only time. Sent again it makes another one, and the ones before sign on for a day.");
        webhooks.MapPost("/{id:guid}/test", TestWebhook.Handle);
        webhooks.MapGet("/{id:guid}/deliveries", ListDeliveries.Handle);
        webhooks.MapPost("/{id:guid}/deliveries/{deliveryId:guid}/retry", RetryDelivery.Handle);
    }
}
